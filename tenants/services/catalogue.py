"""The fixed catalogue of why a call did not end well: what it means, whose fault it is, what to do next."""

from dataclasses import dataclass

CODE, CALLER, LIMIT, WORKSPACE, OURS = "your code", "the caller", "a limit", "the workspace", "the platform"


@dataclass(frozen=True)
class Cause:
    """One entry; `title` is a sentence, `whose` completes "This is down to …", `fix` is the next step."""

    code: str
    title: str
    whose: str
    meaning: str
    fix: str


_ALL = (
    Cause(
        "code_error",
        "The function failed.",
        CODE,
        "Your code threw an error, answered with a 5xx of its own, or could not be loaded.",
        "The message names the file and the line. Fix it, save, and replay the call.",
    ),
    Cause(
        "timeout",
        "The function took too long and was stopped.",
        CODE,
        "A call may take as many seconds as the function's limits say; then it is stopped and 522 is answered.",
        "Look for a call that never answers, give it a deadline, or raise the limit in the settings.",
    ),
    Cause(
        "memory",
        "The function used more memory than it may.",
        CODE,
        "The process grew past the megabytes of the function's limits and was stopped.",
        "Keep less in memory at once, or raise the limit in the settings.",
    ),
    Cause(
        "cpu",
        "The function used more processor time than it may.",
        CODE,
        "The code computed without a pause for longer than the limit allows.",
        "Look for a loop that does not end, or split the work into several calls.",
    ),
    Cause(
        "build_failed",
        "The version could not be built.",
        CODE,
        "A dependency in package.json does not exist, is not allowed, or could not be installed.",
        "The build log names the line of package.json. The version that was live before still answers.",
    ),
    Cause(
        "auth_missing",
        "The call had no token.",
        CALLER,
        "The function is closed: only callers with a token that may execute it get in.",
        "Send “Authorization: Bearer …” with a call token, or open the function in its settings.",
    ),
    Cause(
        "auth_denied",
        "The call's token may not do this.",
        CALLER,
        "The token is expired, revoked, of another issuer, or lacks a permission that the function asks for.",
        "See which statement was missing, and mint a call token for exactly this function.",
    ),
    Cause(
        "rate_limited",
        "Too many calls at once.",
        LIMIT,
        "More calls were running, or came in a minute, than this workspace may have.",
        "Wait for as long as Retry-After says and call again; callers should do so by themselves.",
    ),
    Cause(
        "quota",
        "The workspace has used up what it may.",
        LIMIT,
        "A quota that the operator has set is exhausted.",
        "Ask the operator to raise it, or wait until it is filled again.",
    ),
    Cause(
        "too_large",
        "The request or the answer is larger than it may be.",
        CALLER,
        "A request may have 500 KB, an answer about 6 MB.",
        "Send less, or send a link to where the rest is.",
    ),
    Cause(
        "not_found",
        "There is no function of that name.",
        CALLER,
        "Nothing is deployed under this URL: it is misspelt, was deleted, or has never been live.",
        "Compare the URL with the one that the editor shows.",
    ),
    Cause(
        "egress_blocked",
        "The function tried to reach an address that is not allowed.",
        CODE,
        "Functions reach public hosts only, and only those that the operator allows for this workspace.",
        "Call a public address, or ask the operator to allow this one.",
    ),
    Cause(
        "suspended",
        "The workspace is suspended.",
        WORKSPACE,
        "The operator has stopped this workspace: nothing runs until it is resumed.",
        "Ask the operator why.",
    ),
    Cause(
        "platform",
        "The functions service did not answer as it should.",
        OURS,
        "Something broke on the way to your code, or no answer came. Your code may have run.",
        "Try again; if it stays like this, quote the reference.",
    ),
)
CAUSES = {cause.code: cause for cause in _ALL}


# What the site itself refuses: code → (what it means, what to do next); the codes are those of tenants.errors.
REFUSALS = {
    "invalid": ("A field has a value that cannot be used.", "The message names the field and what fits in it."),
    "name_taken": ("The workspace has a function of that name.", "Choose another name, or open the one that is there."),
    "quota_reached": (
        "The workspace has as many functions as it may.",
        "Delete one that nobody needs, or ask the operator for more.",
    ),
    "last_owner": ("A workspace must keep an owner.", "Make somebody else an owner first."),
    "idempotency_conflict": (
        "A request with this idempotency key was made before, with another body.",
        "Use a new key for a new request.",
    ),
    "invitation_gone": ("The link was used, withdrawn, or is older than eight hours.", "Ask an owner for a new one."),
    "stale_version": (
        "Somebody saved after the version that your edit began from.",
        "Merge the two edits; nothing is overwritten until you say so.",
    ),
    "not_ready": (
        "The function, or your access, is not at Fusebit yet.",
        "Wait a moment; the pill says Live when it is there.",
    ),
    "fusebit_unavailable": (
        "Fusebit refused, failed, or did not answer.",
        "Nothing of yours is lost. Try again, and quote the reference if it stays like this.",
    ),
}


def explain(code: str) -> Cause | None:
    """Return the entry of a cause; None when all went well, the platform's for one that is not known here."""
    return CAUSES.get(code, CAUSES["platform"]) if code else None
