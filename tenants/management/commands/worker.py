"""Runs the worker: the process that holds the client key and speaks to Fusebit for everybody."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from tenants.services.work import Worker


class Command(BaseCommand):
    """`manage.py worker [--once]`."""

    help = "Claims rows that are due (people's access, deployments) and brings Fusebit in line with them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--once", action="store_true", help="Take every due row one step further, then exit.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run until SIGTERM or Ctrl-C."""
        stop = threading.Event()
        worker = Worker(stop=stop)
        if options["once"]:
            self.stdout.write(f"{worker.run_once()} rows were due.")
            return
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        self.stdout.write("Worker is ready.")
        self.stdout.flush()
        worker.run()
