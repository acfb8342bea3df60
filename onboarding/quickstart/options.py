"""What may be said to quickstart, and where that puts things."""

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HIGHEST_PORT = 65_535


class QuickstartError(Exception):
    """Something is missing or in the way; the message is one sentence for the person at the terminal."""


@dataclass(frozen=True)
class Options:
    """The ports, the data directory (absolute), and whether to open a browser."""

    port: int
    platform_port: int
    identity_port: int
    data_dir: Path
    browser: bool

    @property
    def site_url(self) -> str:
        """Return the site's origin; by its address, because cookies ignore ports and the platform is `localhost`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def identity_url(self) -> str:
        """Return the issuer of the local sign-in."""
        return f"http://127.0.0.1:{self.identity_port}"

    @property
    def platform_url(self) -> str:
        """Return the base URL of the embedded Fusebit, a host that no cookie of the site is sent to."""
        return f"http://localhost:{self.platform_port}"

    @property
    def people_file(self) -> Path:
        """Return where the people and their passwords are kept."""
        return self.data_dir / "people.json"

    @property
    def profile_file(self) -> Path:
        """Return where the client's profile is kept."""
        return self.data_dir / "fusebit-client.json"

    @property
    def platform_dir(self) -> Path:
        """Return the platform's own directory."""
        return self.data_dir / "platform"

    @property
    def identity_dir(self) -> Path:
        """Return the identity provider's own directory."""
        return self.data_dir / "identity"

    @property
    def ports(self) -> tuple[tuple[int, str, str], ...]:
        """Return each port with what it is for and the option that changes it."""
        return (
            (self.port, "the site", "--port"),
            (self.platform_port, "the embedded Fusebit", "--platform-port"),
            (self.identity_port, "the local sign-in", "--identity-port"),
        )


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options, for the management command and for the step before Django is set up."""
    parser.add_argument("--port", type=int, default=8000, help="Port of the site (default 8000).")
    parser.add_argument("--platform-port", type=int, default=3001, help="Port of the embedded Fusebit (default 3001).")
    parser.add_argument("--identity-port", type=int, default=9000, help="Port of the local sign-in (default 9000).")
    parser.add_argument("--data-dir", default=None, help="Where everything is kept (default DATA_DIR, else .local).")
    parser.add_argument("--no-browser", action="store_true", help="Do not open a browser.")


def read(arguments: Sequence[str], default_data_dir: Path) -> Options:
    """Return the options in `arguments`, ignoring those that belong to every management command.

    `--help` is answered here. Raise QuickstartError for ports that cannot be meant.
    """
    parser = ArgumentParser(prog="manage.py quickstart", description="Brings a fresh checkout to a running site.")
    add_arguments(parser)
    known, _ = parser.parse_known_args(arguments)
    directory = Path(known.data_dir).expanduser().resolve() if known.data_dir else default_data_dir
    options = Options(known.port, known.platform_port, known.identity_port, directory, not known.no_browser)
    taken: dict[int, str] = {}
    for port, _what, option in options.ports:
        if not 0 < port <= HIGHEST_PORT:
            raise QuickstartError(f"{option} must be between 1 and {HIGHEST_PORT}, not {port}.")
        if port in taken:
            raise QuickstartError(f"{option} and {taken[port]} name the same port {port}; each needs its own.")
        taken[port] = option
    return options
