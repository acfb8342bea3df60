"""Turns away versions of Fusebit's own tools that are too old (contract 1.7)."""

import re

from django.http import HttpRequest

from fusebit_platform import semver
from fusebit_platform.errors import BadRequest

CLIENT = re.compile(r"fusebit-(editor|cli)/(\S*)")
REQUIRED = {"cli": "^1.8.11", "editor": ">1.4.5"}
TEXTS = {
    "cli": (
        "Your @fusebit/cli version {} is out of date (required: {}). "
        "Please run 'npm install -g @fusebit/cli' to update."
    ),
    "editor": "Your editor version {} is out of date (required: {}). Please notify your administrator.",
}


def check(request: HttpRequest) -> None:
    """Raise BadRequest when the user agent is an outdated editor or command line; any other agent passes."""
    agent = request.headers.get("X-User-Agent") or request.headers.get("User-Agent") or ""
    found = CLIENT.search(agent)
    if found is None:
        return
    tool, text = found.groups()
    version = semver.parse(text)
    if version is None or not semver.satisfies(version, REQUIRED[tool]):
        raise BadRequest(TEXTS[tool].format(text, REQUIRED[tool]))
