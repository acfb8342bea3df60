"""What the command line understands."""

import argparse
from pathlib import Path

from fusebit_platform import configuration


def parser() -> argparse.ArgumentParser:
    """Return the parser: no command runs the server, the others are the steps of setting up a client."""
    top = argparse.ArgumentParser(prog="python -m fusebit_platform", description="An embedded Fusebit.")
    _data_dir(top)
    top.add_argument("--port", type=_port, default=configuration.DEFAULT_PORT)
    top.add_argument("--base-url", type=_base_url, help="what the server is called; also the audience of tokens")
    top.add_argument("--seed", type=Path, metavar="FILE", help="a JSON object: who is there at the start")
    top.add_argument("--allow-weak-sandbox", action="store_true", help="run functions where isolation is incomplete")
    commands = top.add_subparsers(dest="command")

    client = commands.add_parser("client", help="clients and their access").add_subparsers(
        dest="subcommand", required=True
    )
    add = client.add_parser("add", help="create a client")
    add.add_argument("name")
    init = client.add_parser("init", help="give a client its key pair")
    init.add_argument("client_id", metavar="ID")
    access = client.add_parser("access", help="what a client may do").add_subparsers(dest="verb", required=True)
    grant = access.add_parser("add", help="allow one more action")
    grant.add_argument("client_id", metavar="ID")
    grant.add_argument("action")
    grant.add_argument("-r", "--resource")

    profile = commands.add_parser("profile", help="profiles of clients").add_subparsers(
        dest="subcommand", required=True
    )
    get = profile.add_parser("get", help="print a profile")
    get.add_argument("name", nargs="?")
    get.add_argument("--includeCredentials", dest="include_credentials", action="store_true")
    for leaf in (add, init, grant, get):
        _data_dir(leaf)
        leaf.add_argument("-o", "--output", choices=["json"], default="json", help="the one format there is")
    return top


def _data_dir(target: argparse.ArgumentParser) -> None:
    target.add_argument(
        "--data-dir", type=Path, default=argparse.SUPPRESS, help="default: <DATA_DIR or .local>/platform"
    )


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)


def _base_url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} is no http or https URL")
    return text.rstrip("/")
