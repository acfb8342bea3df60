"""Where a function stands, in the words of the pill: what is saved, what is live, what went wrong."""

from dataclasses import dataclass

from tenants.models import Deployment, Function, FunctionVersion, State

LIVE, SAVED, DEPLOYING, FAILED, REMOVING = "live", "saved", "deploying", "failed", "removing"
UNSETTLED = frozenset({State.PENDING, State.RETRY})


@dataclass(frozen=True)
class Standing:
    """`kind` for colours and scripts, `label` for people; the rest only when something went wrong."""

    kind: str
    label: str
    problem: str = ""
    reference_id: str = ""

    @property
    def is_moving(self) -> bool:
        """Tell whether the page should ask again in a second."""
        return self.kind in {DEPLOYING, REMOVING}


def of(deployment: Deployment, latest_number: int) -> Standing:
    """Return how the function stands."""
    wanted = deployment.version.number
    live = f" · Live v{deployment.live_version.number}" if deployment.live_version else ""
    if deployment.absent:
        return Standing(REMOVING, "Deleting…", deployment.last_error, deployment.reference_id)
    if deployment.state in UNSETTLED:
        return Standing(DEPLOYING, f"Deploying v{wanted}…{live}", deployment.last_error, deployment.reference_id)
    if not deployment.is_ready:
        problem = deployment.last_error or "The deployment did not succeed."
        return Standing(FAILED, f"v{wanted} failed{live}", problem, deployment.reference_id)
    if wanted == latest_number:
        return Standing(LIVE, f"Live v{wanted}")
    return Standing(SAVED, f"Saved v{latest_number}{live}")


@dataclass(frozen=True)
class Exposure:
    """Who can call the function, computed from what its live version really says."""

    kind: str
    label: str
    hint: str


CLOSED = Exposure("closed", "Closed", "Callers need a token that may execute this function.")
OPEN = Exposure("public", "Public", "Anybody who knows the URL can call it.")
OPTIONAL = Exposure("public", "Token optional", "Anybody can call it; a token is looked at when there is one.")


def exposure(version: FunctionVersion) -> Exposure:
    """Return who may call what `version` is (contract 6.2: `none` when nothing is said)."""
    mode = version.security.get("authentication", "none")
    return {"required": CLOSED, "optional": OPTIONAL}.get(str(mode), OPEN)


def exposure_if_live(deployment: Deployment) -> Exposure | None:
    """Return who may call what is deployed; None while nothing is."""
    return exposure(deployment.live_version) if deployment.live_version else None


def of_function(function: Function) -> Standing:
    """Return how a function in a list stands; its latest number comes with the row."""
    return of(function.deployment, getattr(function, "latest_number", function.deployment.version.number))
