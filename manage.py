#!/usr/bin/env python3
"""The command line of the site."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "onboarding.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed in this Python. Run the first command of README.md, which installs it.")
    execute_from_command_line(sys.argv)
