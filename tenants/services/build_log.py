"""What happens between a save and the moment when it answers, written down as it happens."""

import json
import time

from tenants.models import Deployment, FunctionVersion

LONGEST = 20_000


class Progress:
    """Appends lines to a deployment's log while its lease is held; a worker that lost the lease writes nothing."""

    def __init__(self, row: Deployment, fence: int) -> None:
        self._rows = Deployment.objects.filter(pk=row.pk, fence=fence)
        self._lines = row.build_log.splitlines() if row.build_log and row.attempts > 1 else []
        self._began = time.monotonic()
        self._building = ""

    def sending(self, version: FunctionVersion) -> None:
        """Say what is sent."""
        wanted = dependencies(version)
        count = len(version.files)
        self._say(f"Sending v{version.number}: {count} file{'s' if count != 1 else ''}.")
        if wanted:
            self._say(f"Dependencies: {', '.join(f'{name} {spec}' for name, spec in wanted.items())}.")

    def building(self, build_id: str) -> None:
        """Say that Fusebit builds; the same line counts the seconds."""
        line = f"Fusebit is installing the dependencies (build {build_id})…"
        if self._building == build_id:
            self._lines.pop()
        self._building = build_id
        self._say(line)

    def live(self, version: FunctionVersion) -> None:
        """Say that it is done."""
        self._say(f"v{version.number} is live.")

    def failed(self, message: str) -> None:
        """Say what went wrong, in the words of whoever refused."""
        lines = self._rows.values_list("build_log", flat=True).first() or ""
        self._lines = lines.splitlines()
        self._say(message)

    def _say(self, words: str) -> None:
        self._lines.append(f"{time.monotonic() - self._began:5.1f} s  {words}")
        self._rows.update(build_log="\n".join(self._lines)[-LONGEST:])


def dependencies(version: FunctionVersion) -> dict[str, str]:
    """Return the packages that package.json asks for, by name."""
    try:
        package = json.loads(version.files.get("package.json") or "{}")
    except (ValueError, RecursionError):
        return {}
    wanted = package.get("dependencies") if isinstance(package, dict) else None
    return {str(name): str(spec) for name, spec in wanted.items()} if isinstance(wanted, dict) else {}
