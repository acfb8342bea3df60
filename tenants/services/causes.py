"""The catalogue of what can go wrong at Fusebit: where a row ends for it, and the words for person and operator.

One table; docs/provisioning.md repeats it and is compared with it by a test.
"""

from dataclasses import dataclass

from fusebit_bridge import door

SAFE = "Your code is safe, and we try again by ourselves."
PERSON_NEEDED = "This needs a person: please tell your operator the reference."


@dataclass(frozen=True)
class Cause:
    """`patience`: tried again so often before a person is asked; None: for a day; 0: a person is asked at once.

    `is_remote`: it will meet every row, so the worker holds back. `is_configuration`: looked at again as soon as a
    client is imported. Without words for the person, the error's own are shown.
    """

    code: str
    person: str
    operator: str
    patience: int | None = None
    is_remote: bool = False
    is_configuration: bool = False


CATALOGUE: dict[str, Cause] = {
    cause.code: cause
    for cause in (
        Cause(
            "unreachable",
            f"The functions service does not answer. {SAFE}",
            "No answer: refused, reset or timed out. Whether the request had an effect is settled by the next look.",
            is_remote=True,
        ),
        Cause("busy", f"The functions service is busy. {SAFE}", "Fusebit answered 429.", is_remote=True),
        Cause(
            "failed", f"The functions service has a fault of its own. {SAFE}", "Fusebit answered 5xx.", is_remote=True
        ),
        Cause(
            "unexpected_answer",
            f"The functions service gave an answer that makes no sense. {SAFE}",
            "Not the JSON of the contract: HTML, cut short, too large, a redirect. Look for a proxy in between.",
            is_remote=True,
        ),
        Cause(
            "not_kept",
            f"The functions service has not kept what it was told. {SAFE}",
            "A write was accepted, and the look that followed found something else.",
        ),
        Cause(
            "credentials",
            f"The functions service does not accept us just now. {PERSON_NEEDED}",
            "Fusebit refuses the client's token. Import the client's profile again, or look at its issuer and key.",
            patience=0,
            is_remote=True,
            is_configuration=True,
        ),
        Cause(
            "clock",
            f"The clocks of two machines differ too much. {PERSON_NEEDED}",
            "Fusebit refuses our tokens, and its clock is more than a minute away from ours. Set the clock.",
            patience=0,
            is_remote=True,
            is_configuration=True,
        ),
        Cause(
            "grants",
            f"We may not give you access just now. {PERSON_NEEDED}",
            "The client lacks a permission, named in the detail; `manage.py doctor` prints the command that grants it.",
            patience=0,
            is_configuration=True,
        ),
        Cause(
            "not_configured",
            f"The functions service is not connected to this site so far. {PERSON_NEEDED}",
            "No client was imported, or its key cannot be read here. Run `manage.py import_client`.",
            patience=0,
            is_configuration=True,
        ),
        Cause(
            "cannot_decrypt",
            f"The functions service is not connected to this site any more. {PERSON_NEEDED}",
            "A stored key does not open: an encryption key is missing from its ring, or the row was altered.",
            patience=0,
            is_configuration=True,
        ),
        Cause(
            "foreign_owner",
            f"Your identity belongs to somebody else at the functions service. {PERSON_NEEDED}",
            "The identity is held at Fusebit by a user or client that we did not make. It is never taken over.",
            patience=0,
        ),
        Cause(
            "conflict",
            f"Your identity is taken at the functions service. {PERSON_NEEDED}",
            "Fusebit says that the identity is associated already, and a search finds no user: a client may hold it.",
            patience=3,
        ),
        Cause(
            "duplicate",
            f"The functions service knows you twice. {PERSON_NEEDED}",
            "More than one user at Fusebit answers to one identity. Delete the one that should not be.",
            patience=0,
        ),
        Cause(
            "zombie",
            f"The functions service remembers half of an earlier attempt. {SAFE}",
            "An identity without its user was found and set free; after three times somebody has to look.",
            patience=3,
        ),
        Cause(
            "refused",
            f"The functions service does not permit this. {PERSON_NEEDED}",
            "Fusebit answered 403 although the client is known and lacks nothing.",
            patience=3,
        ),
        Cause(
            "rejected",
            "",
            "Fusebit did not accept the request itself (400). Its words are in the detail.",
            patience=0,
        ),
        Cause("missing", "", "Fusebit does not know what the request was about (404).", patience=3),
        Cause("build_failed", "", "The function's code or dependencies could not be built.", patience=0),
        Cause("untrusted", "", "A location names a host outside FUSEBIT_RUN_ORIGINS; no token was sent.", patience=0),
        Cause("invalid_name", "", "An identifier cannot be sent as it is written.", patience=0),
        Cause(
            "access_pending",
            "Access to the functions service is still being set up.",
            "The person's user at Fusebit is not there yet; the deployment waits for it.",
        ),
        Cause(
            "internal",
            f"Something broke on our side. {SAFE}",
            "An error that nobody expected; the worker's log has it.",
        ),
    )
}
REMOTE = frozenset(cause.code for cause in CATALOGUE.values() if cause.is_remote)
CONFIGURATION = frozenset(cause.code for cause in CATALOGUE.values() if cause.is_configuration)


class Trouble(door.FusebitError):
    """A cause of the catalogue that our own look at Fusebit brought up."""

    def __init__(self, code: str, *, detail: str = "", reference_id: str = "", retriable: bool | None = None) -> None:
        patient = CATALOGUE[code].patience != 0
        super().__init__(
            detail=detail, reference_id=reference_id, retriable=patient if retriable is None else retriable
        )
        self.code = code


def of(error: door.FusebitError) -> Cause:
    """Return the entry of the catalogue for the error."""
    return CATALOGUE.get(error.code, CATALOGUE["internal"])


def is_worth_a_retry(error: door.FusebitError, repeated: int) -> bool:
    """Tell whether trying again can help, after meeting the same cause so often in a row."""
    patience = of(error).patience
    return error.retriable if not patience else repeated <= patience


def words(error: door.FusebitError) -> str:
    """Return what to tell the person."""
    return of(error).person or error.message
