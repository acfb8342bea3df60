"""Brings a fresh checkout to a running site, and keeps it running until Ctrl-C."""

import json
import signal
import webbrowser
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from onboarding.environment import data_dir
from onboarding.quickstart import options as quickstart_options
from onboarding.quickstart import steps
from onboarding.quickstart.children import Children, check_port
from onboarding.quickstart.options import Options, QuickstartError


class Stopped(Exception):
    """SIGTERM or Ctrl-C."""


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
        options = Options(
            given["port"], given["platform_port"], given["identity_port"], data_dir(), not given["no_browser"]
        )
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(name, stop)
        try:
            with Children() as children:
                self._bring_up(options, children)
                children.watch()
        except QuickstartError as error:
            raise CommandError(str(error)) from error
        except Stopped:
            steps.say("Stopped.")

    def _bring_up(self, options: Options, children: Children) -> None:
        node = steps.find_node()
        check_port(options.port, "the site", "--port")
        check_port(options.platform_port, "the embedded Fusebit", "--platform-port")
        check_port(options.identity_port, "the local sign-in", "--identity-port")
        is_first = not options.profile_file.exists()
        steps.say("Starting the embedded Fusebit and the local sign-in …")
        steps.start_platform(options, children, node)
        steps.start_identity(options, children)
        steps.prepare_database(options)
        steps.wait_until(children, "embedded Fusebit", steps.answers(f"{options.platform_url}/v1/health"))
        steps.set_up_client(options)
        steps.say("Starting the site and the worker …")
        steps.start_site(options, children)
        steps.start_worker(options, children)
        steps.wait_until(
            children, "local sign-in", steps.answers(f"{options.identity_url}/.well-known/openid-configuration")
        )
        steps.wait_until(children, "site", steps.answers(f"{options.site_url}/healthz"))
        self._introduce(options, is_first=is_first)

    def _introduce(self, options: Options, *, is_first: bool) -> None:
        if is_first:
            for person in json.loads(options.people_file.read_text())["people"]:
                where = "/admin/" if person["role"] == "operator" else "Local sign-in"
                steps.say(f"  {person['username']:<9} {person['password']}  ({where})")
        steps.say(f"Passwords are kept in {options.people_file}. Ctrl-C stops everything.")
        self.stdout.write(f"Ready: {options.site_url}")
        self.stdout.flush()
        if options.browser:
            webbrowser.open(options.site_url)
