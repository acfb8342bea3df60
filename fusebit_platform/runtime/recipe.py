"""How a worker's process is started: its directories and the Node.js command line."""

from dataclasses import dataclass
from pathlib import Path

from fusebit_platform.runtime.limits import Limits

HARNESS = Path(__file__).with_name("harness.cjs")


@dataclass(frozen=True)
class Recipe:
    """The way from an empty directory to a process that waits for its function."""

    node: Path

    def prepare(self, directory: Path) -> None:
        """Make the directory of the function's files and its temporary directory."""
        (directory / "app").mkdir(mode=0o700)
        (directory / "tmp").mkdir(mode=0o700)

    def code_directory(self, directory: Path) -> str:
        """Return the path of the function's files as the process sees it."""
        return str(directory / "app")

    def argv(self, directory: Path, limits: Limits) -> list[str]:
        """Return the command line; nothing in it is secret."""
        return [
            str(self.node),
            f"--max-old-space-size={limits.heap_mb}",
            "--no-warnings",
            "--no-addons",
            "--permission",
            f"--allow-fs-read={HARNESS}",
            f"--allow-fs-read={directory / 'app' / '*'}",
            f"--allow-fs-read={directory / 'tmp' / '*'}",
            f"--allow-fs-write={directory / 'tmp' / '*'}",
            str(HARNESS),
        ]
