"""Which names a configuration value or a secret may have: a function sees them as its environment (contract 6.4)."""

import re

from tenants.errors import InvalidInput

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
# What Node, the loader or a shell would obey instead of the function, and what JavaScript finds on every object.
RESERVED = frozenset(
    {
        "PATH", "HOME", "SHELL", "USER", "LOGNAME", "PWD", "TMPDIR", "ENV", "BASH_ENV", "IFS", "TZ",
        "NODE_OPTIONS", "NODE_PATH", "NODE_EXTRA_CA_CERTS", "NODE_TLS_REJECT_UNAUTHORIZED", "NODE_REPL_EXTERNAL_MODULE",
        "NODE_V8_COVERAGE", "NODE_ICU_DATA", "NODE_CHANNEL_FD", "NODE_USE_ENV_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
        "OPENSSL_CONF", "OPENSSL_MODULES", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
    }
)  # fmt: skip
RESERVED_PREFIXES = ("LD_", "DYLD_", "NPM_CONFIG_", "FUSEBIT_")
RESERVED_MEMBERS = frozenset({"__proto__", "constructor", "prototype"})


def check(name: str, *, field: str, pattern: re.Pattern[str] = NAME) -> None:
    """Raise InvalidInput unless `name` may be used; `field` is where the person typed it."""
    if not pattern.fullmatch(name):
        raise InvalidInput(
            f"{name[:60]!r} cannot be a name here: use letters, digits and underscores, at most 64.", field=field
        )
    if is_reserved(name):
        raise InvalidInput(f"{name} is reserved: it would change how Node.js itself runs.", field=field)


def is_reserved(name: str) -> bool:
    """Tell whether something else than the function would listen to the name."""
    upper = name.upper()
    return upper in RESERVED or upper.startswith(RESERVED_PREFIXES) or name in RESERVED_MEMBERS
