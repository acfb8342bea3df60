"""The CORS list: which sites' pages may call a function, enforced by a guard that is put around it when it goes live.

Fusebit answers every preflight and lets pages of every site read (contract 1.6); only the function can refuse.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

NAME = "ALLOWED_ORIGINS"  # of the configuration value that holds the list, separated by commas
FILE = "_cors-list.js"
LINE = f'\n;module.exports = require("./{FILE}")(module.exports); // the CORS list of the settings\n'
SOURCE = Path(__file__).resolve().parent.parent / "guards" / "cors-list.js"


def guarded(files: Mapping[str, str], configuration: Mapping[str, str]) -> dict[str, str]:
    """Return the files with the guard around index.js where the configuration has a list; lines keep their numbers."""
    if not configuration.get(NAME, "").strip():
        return dict(files)
    return {**files, "index.js": files["index.js"] + LINE, FILE: _source()}


def bare(files: Mapping[str, str]) -> dict[str, str]:
    """Return the files as they were written, without the guard."""
    if FILE not in files:
        return dict(files)
    written = {path: text for path, text in files.items() if path != FILE}
    return {**written, "index.js": written.get("index.js", "").removesuffix(LINE)}


def words(configuration: Mapping[str, str]) -> str:
    """Say whose pages may call."""
    listed = [one.strip() for one in configuration.get(NAME, "").split(",") if one.strip()]
    return f"Pages of {', '.join(listed)}." if listed else "Pages of every site."


@cache
def _source() -> str:
    return SOURCE.read_text()
