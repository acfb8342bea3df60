"""What this server offers beyond Fusebit's own API, and how it isolates functions."""

from typing import Any

from django.http import HttpResponse

from fusebit_platform.api.base import PUBLIC, Endpoint
from fusebit_platform.api.transport import answer
from fusebit_platform.runtime import probe

NAMES = ("runs", "events", "policy")


class Extensions(Endpoint):
    """`/extensions`"""

    actions = {"GET": PUBLIC}

    def get(self) -> HttpResponse:
        """List the extensions that are there."""
        return answer({"extensions": NAMES, "sandbox": _sandbox()})


def _sandbox() -> dict[str, Any]:
    report = probe.latest()
    layers = report.layers if report else {}
    return {
        "layers": {name: "active" if active else "missing" for name, active in layers.items()},
        "proven": report is not None and not report.trouble and not report.escapes,
        "weak": report is None or not report.sound,
        "refusing": probe.refusing(),
    }
