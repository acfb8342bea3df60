"""`python -m fusebit_platform.scribe`: write what comes on standard input, a socket, until its other end is closed."""

import contextlib
import os
import signal
import socket

import django
from django.db import close_old_connections

BEHIND_CALLS = 10  # of nice: what a call waits for goes first


def main() -> None:
    """Write batches and say for each whether it is written; the platform that started this ends it by closing."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they are the platform's, which hands over what is left first
    os.nice(BEHIND_CALLS)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fusebit_platform.settings")
    django.setup()
    from fusebit_platform.scribe import wire
    from fusebit_platform.scribe.writer import Writer

    writer = Writer()
    with socket.socket(fileno=0) as channel, channel.makefile("rb") as stream, contextlib.suppress(OSError):
        while (batch := wire.receive(stream)) is not None:
            close_old_connections()
            channel.sendall(wire.DONE if writer.write(batch) else wire.AWAY)


if __name__ == "__main__":
    main()
