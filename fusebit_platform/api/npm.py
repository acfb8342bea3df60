"""The npm protocol of an account's registry, as far as it is offered: nobody can publish, so nothing is found."""

import re

from django.http import HttpResponse

from fusebit_platform.api.base import Endpoint
from fusebit_platform.api.transport import answer
from fusebit_platform.errors import NotFound, NotOffered
from fusebit_platform.services import accounts
from fusebit_platform.services.tags import SERVER_VERSION

USER = re.compile(r"-/user/[^/]+", re.ASCII)
PACKAGE = re.compile(r"(@[^/]+(/|%2f))?[^/@-][^/]*", re.IGNORECASE)


class Npm(Endpoint):
    """`A/registry/default/npm/…`"""

    actions = {"GET": "registry:get", "PUT": "registry:put", "POST": "registry:get", "DELETE": "registry:put"}
    gated = frozenset({"GET", "PUT", "POST", "DELETE"})

    def check_path(self, method: str) -> None:
        """Keep the rest of the path apart, which is npm's own."""
        self.rest = self.ids.pop("rest", "").strip("/")
        super().check_path(method)

    def get(self) -> HttpResponse:
        """Answer what npm asks before it installs or searches."""
        accounts.require(self.ids["accountId"])
        answers = {
            "-/ping": {},
            "-/version": {"version": SERVER_VERSION},
            "-/whoami": {"username": self.caller.agent_id},
            "-/v1/search": {"objects": [], "total": 0},
        }
        if self.rest in answers:
            return answer(answers[self.rest])
        if PACKAGE.fullmatch(self.rest):
            raise NotFound
        raise NotOffered

    def put(self) -> HttpResponse:
        """Let npm sign in; whoever got here has a token already."""
        if USER.fullmatch(self.rest):
            return answer({"ok": True}, 201)
        raise NotOffered

    def post(self) -> HttpResponse:
        """Offer neither audits nor anything else."""
        raise NotOffered

    def delete(self) -> HttpResponse:
        """Remove nothing, since nothing was published."""
        raise NotOffered
