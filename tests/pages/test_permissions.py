"""Who sees which page: one row for every URL and method."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, reverse

from tenants.services import members, tokens
from tenants.urls import urlpatterns
from tests.cast import Cast, a_call_token, a_member, a_run
from tests.pages.conftest import SignedIn

ACTORS = ("anonymous", "stranger", "viewer", "owner", "operator")
# The status for each actor, in the order of ACTORS; anonymous people are sent to the sign-in page.
MATRIX: dict[tuple[str, str], tuple[int, int, int, int, int]] = {
    ("home", "get"): (302, 302, 302, 302, 302),
    ("account", "get"): (302, 200, 200, 200, 200),
    ("account-link", "post"): (302, 302, 302, 302, 302),  # back: nobody has confirmed that it is them
    ("account-unlink", "post"): (302, 302, 302, 302, 302),
    ("setup", "get"): (302, 404, 302, 302, 404),
    ("setup-events", "get"): (302, 404, 204, 204, 404),  # nothing to stream over WSGI
    ("retry", "post"): (302, 404, 403, 302, 404),
    ("functions", "get"): (302, 404, 200, 200, 404),
    ("functions", "post"): (302, 404, 403, 422, 404),
    ("function", "get"): (302, 404, 200, 200, 404),
    ("function", "post"): (302, 404, 403, 422, 404),
    ("state", "get"): (302, 404, 200, 200, 404),
    ("run", "get"): (302, 404, 302, 302, 404),
    ("run", "post"): (302, 404, 200, 200, 404),
    ("deploy", "get"): (302, 404, 403, 404, 404),
    ("deploy", "post"): (302, 404, 403, 404, 404),
    ("answering", "get"): (302, 404, 200, 200, 404),
    ("adopt", "post"): (302, 404, 403, 302, 404),
    ("compare", "get"): (302, 404, 200, 200, 404),
    ("versions", "get"): (302, 404, 200, 200, 404),
    ("help", "get"): (302, 404, 200, 200, 404),
    ("import", "get"): (302, 404, 403, 200, 404),
    ("import", "post"): (302, 404, 403, 422, 404),
    ("build-log", "get"): (302, 404, 200, 200, 404),
    ("panel", "get"): (302, 404, 302, 302, 404),
    ("cases", "post"): (302, 404, 403, 302, 404),
    ("case-forget", "post"): (302, 404, 403, 302, 404),
    ("runs", "get"): (302, 404, 200, 200, 404),
    ("one-run", "get"): (302, 404, 200, 200, 404),
    ("run-lines", "get"): (302, 404, 200, 200, 404),
    ("replay", "post"): (302, 404, 403, 404, 404),
    ("function-runs", "get"): (302, 404, 200, 200, 404),
    ("replay-failed", "post"): (302, 404, 403, 404, 404),
    ("logs", "get"): (302, 404, 200, 200, 404),
    ("events", "get"): (302, 404, 404, 404, 404),  # no Fusebit reports here
    ("version", "get"): (302, 404, 200, 200, 404),
    ("members", "get"): (302, 404, 200, 200, 404),
    ("members", "post"): (302, 404, 403, 422, 404),
    ("member-role", "post"): (302, 404, 403, 302, 404),
    ("member-remove", "get"): (302, 404, 403, 200, 404),
    ("member-remove", "post"): (302, 404, 403, 302, 404),
    ("member-transfer", "get"): (302, 404, 403, 200, 404),
    ("member-transfer", "post"): (302, 404, 403, 302, 404),
    ("invitation-withdraw", "post"): (302, 404, 403, 302, 404),
    ("rename", "post"): (302, 404, 403, 422, 404),
    ("join", "get"): (302, 200, 200, 200, 200),
    ("join", "post"): (302, 302, 302, 302, 422),
    ("tokens", "get"): (302, 404, 200, 200, 404),
    ("tokens", "post"): (302, 404, 422, 422, 404),
    ("token-revoke", "post"): (302, 404, 404, 302, 404),
    ("audit", "get"): (302, 404, 200, 200, 404),
    ("secrets", "get"): (302, 404, 200, 200, 404),
    ("secrets", "post"): (302, 404, 403, 422, 404),
    ("secret-remove", "post"): (302, 404, 403, 302, 404),
    ("call-tokens", "get"): (302, 404, 200, 200, 404),
    ("call-tokens", "post"): (302, 404, 403, 422, 404),
    ("call-token-rows", "get"): (302, 404, 200, 200, 404),
    ("call-token-revoke", "post"): (302, 404, 403, 302, 404),
    ("settings", "get"): (302, 404, 200, 200, 404),
    ("settings", "post"): (302, 404, 403, 422, 404),
    ("about", "post"): (302, 404, 403, 302, 404),
    ("schedule", "get"): (302, 404, 200, 200, 404),
    ("delete", "get"): (302, 404, 403, 200, 404),
    ("delete", "post"): (302, 404, 403, 422, 404),
}


# A developer may do what an owner may, but for who belongs to the tenant and what is somebody else's own.
DEVELOPER: dict[tuple[str, str], int] = {
    ("members", "post"): 403,
    ("member-role", "post"): 403,
    ("member-remove", "get"): 403,
    ("member-remove", "post"): 403,
    ("member-transfer", "get"): 403,
    ("member-transfer", "post"): 403,
    ("invitation-withdraw", "post"): 403,
    ("rename", "post"): 403,
    ("token-revoke", "post"): 404,
}
METHODS = ("get", "post", "put", "patch", "delete")
PLACES = {"slug": "", "name": "hello", "number": 1, "provider": "local"}
# What a URL names beside the tenant and the function; it exists, and is Ada's.
THINGS: dict[str, Callable[[Cast], object]] = {
    "member-role": lambda cast: a_member(cast),
    "member-remove": lambda cast: a_member(cast),
    "member-transfer": lambda cast: a_member(cast),
    "invitation-withdraw": lambda cast: members.invite(tenant=cast.tenant, role="viewer", actor=cast.ada)[0].pk,
    "token-revoke": lambda cast: tokens.create(user=cast.ada, name="ci", tenant=cast.tenant)[0].pk,
    "call-token-revoke": a_call_token,
    "account-unlink": lambda cast: cast.ada.social_auth.get().pk,
}


def address(name: str, cast: Cast) -> str:
    """The URL of the page `name` of Ada's tenant."""
    pattern = next(one for one in urlpatterns if isinstance(one, URLPattern) and one.name == name)
    wanted = pattern.pattern.regex.groupindex
    values: dict[str, Any] = {**PLACES, "slug": cast.tenant.slug}
    if "pk" in wanted:
        values["pk"] = THINGS[name](cast)
    if "run_id" in wanted:
        values["run_id"] = a_run(cast)
    if "secret" in wanted:
        values["secret"] = members.invite(tenant=cast.tenant, role="viewer", actor=cast.ada)[1]
    return reverse(f"tenants:{name}", kwargs={key: value for key, value in values.items() if key in wanted})


def browser_of(actor: str, cast: Cast, signed_in: SignedIn) -> Client:
    """The actor's browser."""
    people = {
        "stranger": cast.cy, "viewer": cast.ben, "developer": cast.dee, "owner": cast.ada, "operator": cast.op,
    }  # fmt: skip
    return signed_in(people[actor]) if actor in people else Client()


@pytest.mark.parametrize(("name", "method"), MATRIX)
def test_every_page_answers_each_actor_as_the_matrix_says(
    name: str, method: str, cast: Cast, signed_in: SignedIn
) -> None:
    wanted = dict(zip(ACTORS, MATRIX[name, method], strict=True))
    wanted["developer"] = DEVELOPER.get((name, method), wanted["owner"])
    seen = {}

    for actor in wanted:
        with transaction.atomic():  # nobody finds what the one before has done
            url = address(name, cast)
            seen[actor] = getattr(browser_of(actor, cast, signed_in), method)(url).status_code
            transaction.set_rollback(True)

    assert seen == wanted


def test_methods_without_a_row_in_the_matrix_are_not_allowed(cast: Cast, signed_in: SignedIn) -> None:
    client = signed_in(cast.ada)
    names = [str(pattern.name) for pattern in urlpatterns if isinstance(pattern, URLPattern)]

    allowed = [
        (name, method)
        for name in names
        for method in METHODS
        if (name, method) not in MATRIX and getattr(client, method)(address(name, cast)).status_code != 405
    ]

    assert allowed == []


def test_a_post_without_the_csrf_token_is_refused(cast: Cast, home_of: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.ada, backend="django.contrib.auth.backends.ModelBackend")

    for path in ("functions/", "functions/hello/", "functions/hello/run/", "functions/hello/deploy/", "setup/retry/"):
        assert client.post(home_of + path).status_code == 403, path
