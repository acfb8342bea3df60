"""What an operator decides about one embedded Fusebit, read once from the process environment."""

import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_PORT = 3001


@dataclass(frozen=True)
class Configuration:
    """The settings of this process; `base_url` has no trailing slash and is the audience of every token."""

    base_url: str
    data_dir: Path
    jwks_http_origins: frozenset[str]
    max_token_lifetime: int
    tunnel_pattern: str
    exposes_docs: bool = False


def default_data_dir() -> Path:
    """Return `<DATA_DIR or .local>/platform`."""
    return Path(os.environ.get("DATA_DIR") or ".local").expanduser().resolve() / "platform"


def load() -> Configuration:
    """Read the configuration that `python -m fusebit_platform` put into the environment."""
    base_url = os.environ.get("PLATFORM_BASE_URL") or f"http://localhost:{DEFAULT_PORT}"
    data_dir = os.environ.get("PLATFORM_DATA_DIR")
    origins = (part.strip() for part in os.environ.get("PLATFORM_JWKS_HTTP_ORIGINS", "").split(","))
    return Configuration(
        base_url=base_url.rstrip("/"),
        data_dir=Path(data_dir).resolve() if data_dir else default_data_dir(),
        jwks_http_origins=frozenset(origin for origin in origins if origin),
        max_token_lifetime=int(os.environ.get("MAX_TOKEN_LIFETIME") or 0),
        tunnel_pattern=os.environ.get("PLATFORM_TUNNEL_PATTERN")
        or r"https://[a-z0-9-]+\.tunnel\.dev\.fivequarters\.io",
        exposes_docs=os.environ.get("API_EXPOSE_DOCS", "0") not in {"", "0"},
    )


_current: list[Configuration] = []


def current() -> Configuration:
    """Return this process's configuration."""
    if not _current:
        _current.append(load())
    return _current[0]


def replace(configuration: Configuration) -> None:
    """Make `configuration` the one of this process."""
    _current[:] = [configuration]
