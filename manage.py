#!/usr/bin/env python3
"""The command line of the site."""

import os
import sys


def main() -> None:
    """Run a management command; quickstart first makes the settings that Django is about to read."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "onboarding.settings")
    try:
        from django.core.management import execute_from_command_line

        from onboarding.quickstart import first_start, options
    except ImportError as error:
        sys.exit(f"{error}. Install what the project needs with the first command of README.md.")
    if sys.argv[1:2] == ["quickstart"]:
        try:
            first_start.prepare(sys.argv[2:])
        except options.QuickstartError as error:
            sys.exit(str(error))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
