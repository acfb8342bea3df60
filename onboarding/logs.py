"""Log lines that can be matched to a request and that hold no secrets."""

import logging
import re
import secrets
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MARK = "[redacted]"
NAMES = r"(?:access_|id_|refresh_|api_)?token|code_verifier|client_secret|secret|password"
PATTERNS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*"),  # a JWT (RFC 7519 3)
    re.compile(r"(?i)(?P<kept>\bauthorization['\"]?\s*[:=]\s*['\"]?)[^\r\n'\"]+"),
    re.compile(r"(?i)(?P<kept>\b(?:bearer|basic) )[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?i)(?P<kept>\b(?:set-)?cookie['\"]?\s*[:=]\s*['\"]?)[^\r\n'\"]+"),
    re.compile(rf"(?i)(?P<kept>\b(?:{NAMES})['\"]?\s*[=:]\s*['\"]?)[^&\s'\",;)]+"),
    re.compile(r"(?i)(?P<kept>[?&](?:code|state)=)[^&\s'\"]+"),
    re.compile(r"(?P<kept>/join/)[A-Za-z0-9_-]{16,}"),  # the link of an invitation
    re.compile(r"fbt_[A-Za-z0-9_-]{16,}"),
)
NO_REFERENCE = "-"
_reference: ContextVar[str] = ContextVar("reference", default=NO_REFERENCE)


def new_reference() -> str:
    """Return an id that a person can read out to an operator."""
    return secrets.token_hex(6)


@contextmanager
def quoting(reference: str) -> Iterator[None]:
    """Have every log line of this request, or of whatever else is in the block, show `reference`."""
    token = _reference.set(reference)
    try:
        yield
    finally:
        _reference.reset(token)


def redact(text: str) -> str:
    """Return `text` with tokens, keys, passwords and cookies replaced by a mark."""
    for pattern in PATTERNS:
        kept = r"\g<kept>" if "kept" in pattern.groupindex else ""
        text = pattern.sub(kept + MARK, text)
    return text


class RedactSecrets(logging.Filter):
    """Replaces tokens and keys in a record, its traceback included, by a mark; adds the request's reference."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, redacted."""
        record.reference = _reference.get()
        record.msg, record.args = redact(record.getMessage()), ()
        if record.exc_info and record.exc_info[0]:
            record.exc_text = redact("".join(traceback.format_exception(*record.exc_info)).rstrip())
        return True
