"""What earlier starts made and finished, so that later ones skip it, and notice when a part of it is gone."""

import json
from typing import Any

from onboarding import files
from onboarding.quickstart.options import Options

NAME = "history.json"
PASSING = (".sock", "-wal", "-shm", "-journal", ".lock", ".log")


def read(options: Options) -> dict[str, Any]:
    """Return what is remembered: `made`, names relative to the data directory, and whatever `note` was told."""
    try:
        found = json.loads((options.data_dir / NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def note(options: Options, **facts: Any) -> None:
    """Remember facts."""
    files.write_private(options.data_dir / NAME, json.dumps({**read(options), **facts}, indent=2) + "\n")


def note_made(options: Options, *names: str) -> None:
    """Remember that files were made; of a directory, all that lie in it and stay."""
    made = set(read(options).get("made", []))
    for name in names:
        path = options.data_dir / name
        inside = [child for child in path.iterdir() if child.is_file()] if path.is_dir() else [path]
        made |= {str(child.relative_to(options.data_dir)) for child in inside if not child.name.endswith(PASSING)}
    if made != set(read(options).get("made", [])):
        note(options, made=sorted(made))


def missing(options: Options) -> str | None:
    """Return the first name that was made and is gone."""
    return next((name for name in read(options).get("made", []) if not (options.data_dir / name).exists()), None)
