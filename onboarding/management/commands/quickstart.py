"""Brings a fresh checkout to a running site, and keeps it running until Ctrl-C."""

import os
import signal
import sys
import webbrowser
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from onboarding.environment import data_dir
from onboarding.quickstart import history, programs, steps
from onboarding.quickstart import options as quickstart_options
from onboarding.quickstart.children import Children, check_ports
from onboarding.quickstart.options import Options, QuickstartError


class Stopped(BaseException):
    """SIGTERM or Ctrl-C; not an Exception, so that nothing on the way takes it for a failure of its own."""


def stop(*_signal: Any) -> None:
    """Turn a signal into an exception, so that the context managers run."""
    raise Stopped


class Command(BaseCommand):
    """`manage.py quickstart`."""

    help = "Makes keys, databases, a client and people to sign in as, then runs the product until Ctrl-C."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        quickstart_options.add_arguments(parser)

    def handle(self, *_args: Any, **given: Any) -> None:
        """Run; exit 1 with one sentence when something is missing or in the way."""
        ports = (given["port"], given["platform_port"], given["identity_port"])
        options = Options(*ports, data_dir(), not given["no_browser"])
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(name, stop)
        try:
            programs.check_packages()
            node = programs.find_node()
            check_ports(options)
            with Children() as children:
                steps.bring_up(options, children, node)
                self._introduce(options)
                children.watch()
        except QuickstartError as error:
            sys.exit(str(error))
        except Stopped:
            steps.say("Stopped.")

    def _introduce(self, options: Options) -> None:
        if not history.read(options).get("introduced"):
            steps.say("")
            for person in steps.people(options):
                where = f"{options.site_url}/admin/" if person["role"] == "operator" else "Continue with Local sign-in"
                steps.say(f"    {person['username']:<9} {person['password']:<17} {where}")
            steps.say("")
            history.note(options, introduced=True)
        steps.say(f"Passwords are kept in {options.people_file}. Ctrl-C stops everything.")
        self.stdout.write(f"Ready: {options.site_url}")
        self.stdout.flush()
        if options.browser and has_screen():
            webbrowser.open(options.site_url)


def has_screen() -> bool:
    """Tell whether somebody sits at this machine, so that a browser would be seen and not take over the terminal."""
    if os.environ.get("CI"):
        return False
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
