"""Keeps secrets out of log lines."""

import logging
import re
import traceback

MARK = "[redacted]"
PATTERNS = (
    re.compile(r"eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*"),  # a JWT (RFC 7519 3)
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?i)(?<=[?&])(token|code|state|access_token|id_token|client_secret)=[^&\s\"']+"),
    re.compile(r"(?i)(?<=cookie: )[^\r\n]+"),
    re.compile(r"fbt_[A-Za-z0-9_-]{16,}"),
)


def redact(text: str) -> str:
    """Return `text` with tokens, keys and cookies replaced by a mark."""
    for pattern in PATTERNS:
        text = pattern.sub(MARK, text)
    return text


class RedactSecrets(logging.Filter):
    """Replaces tokens and keys in a record, its traceback included, by a mark."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, redacted."""
        record.msg, record.args = redact(record.getMessage()), ()
        if record.exc_info and record.exc_info[0]:
            record.exc_text = redact("".join(traceback.format_exception(*record.exc_info)))
        return True
