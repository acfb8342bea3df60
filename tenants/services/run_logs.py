"""What one call printed, asked from Fusebit, which keeps it for a while; secrets masked."""

from dataclasses import dataclass, field
from datetime import datetime

from django.utils.dateparse import parse_datetime

from fusebit_bridge import door
from tenants.models import Run
from tenants.services import deployments, mirroring, secrets

ERROR_LEVEL = 50
LONGEST_LINE = 10_000  # characters; a longer line is cut and says so


@dataclass(frozen=True)
class Line:
    """One line; `is_error` for what went to console.error or broke."""

    at: datetime | None
    text: str
    is_error: bool


@dataclass(frozen=True)
class Lines:
    """The lines of a call; `problem` says why there are none, where that is not because nothing was printed."""

    lines: list[Line] = field(default_factory=list)
    problem: str = ""


def of(run: Run) -> Lines:
    """Return what the call printed."""
    if not run.remote_id and mirroring.standing(mirroring.RUNS) == mirroring.UNREPORTED:
        return Lines(problem="This Fusebit does not report what a call printed.")
    if not run.remote_id:
        return Lines(problem="Fusebit has not reported this call (yet); what it printed is not known.")
    mask = secrets.mask_of(run.function) if run.function else secrets.Mask(())
    try:
        answer = deployments.session_for(run.tenant_id, run.tenant.boundary_id, None).run(run.remote_id)
    except door.Missing:
        return Lines(problem="Fusebit does not keep what this call printed any more.")
    except door.FusebitError as error:
        return Lines(problem=f"What it printed cannot be read just now: {error.message}")
    entries = [entry for entry in answer.get("logs") or [] if isinstance(entry, dict)]
    return Lines(
        [
            Line(
                parse_datetime(str(entry.get("time", ""))),
                _shown(mask(str(entry.get("msg", "")))),
                str(entry.get("level")) == str(ERROR_LEVEL),
            )
            for entry in entries
        ]
    )


def _shown(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}… (cut, {len(text)} characters)"
