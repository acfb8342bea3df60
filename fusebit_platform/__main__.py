"""`python -m fusebit_platform`: run the embedded Fusebit, or set up a client of it."""

import argparse
import sys
from pathlib import Path

from fusebit_platform import configuration
from fusebit_platform.commands import arguments, clients, serving
from fusebit_platform.commands.errors import CommandError


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = arguments.parser().parse_args(argv)
    path: Path = getattr(options, "data_dir", None) or configuration.default_data_dir()
    path = path.expanduser().resolve()
    try:
        if options.command is None:
            serving.serve(
                path=path,
                port=options.port,
                base_url=options.base_url,
                seed_file=options.seed,
                allow_weak_sandbox=options.allow_weak_sandbox,
            )
        elif options.command == "profile":
            found = clients.stored_profile(path, options.name, include_credentials=options.include_credentials)
            print(clients.as_text(found))
        else:
            print(clients.as_text(_client(clients.Desk(path), options)))
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _client(desk: clients.Desk, options: argparse.Namespace) -> dict[str, object]:
    if options.subcommand == "add":
        return desk.add(options.name)
    if options.subcommand == "init":
        return desk.initialize(options.client_id)
    return desk.add_access(options.client_id, options.action, options.resource)


if __name__ == "__main__":
    sys.exit(main())
