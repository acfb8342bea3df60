"""The REST API: who may do what, and one shape for every error."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, reverse
from rest_framework.response import Response

from tenants.api.urls import urlpatterns
from tenants.models import ApiToken
from tenants.services import members, tokens
from tests.cast import Cast, a_call_token, a_case, a_run

FILES = {"index.js": "module.exports = async (ctx) => ({});"}
ACTORS = ("anonymous", "stranger", "viewer", "developer", "owner", "operator")
# The status for each actor, in the order of ACTORS. Somebody else's tenant does not exist, for operators too.
MATRIX: dict[tuple[str, str], tuple[int, int, int, int, int, int]] = {
    ("tenants", "get"): (401, 200, 200, 200, 200, 200),
    ("tenant", "get"): (401, 404, 200, 200, 200, 404),
    ("tenant", "patch"): (401, 404, 403, 403, 400, 404),
    ("members", "get"): (401, 404, 200, 200, 200, 404),
    ("member", "patch"): (401, 404, 403, 403, 400, 404),
    ("member", "delete"): (401, 404, 403, 403, 409, 404),
    ("invitations", "get"): (401, 404, 403, 403, 200, 404),
    ("invitations", "post"): (401, 404, 403, 403, 400, 404),
    ("invitation", "delete"): (401, 404, 403, 403, 204, 404),
    ("tokens", "get"): (401, 404, 200, 200, 200, 404),
    ("tokens", "post"): (401, 404, 400, 400, 400, 404),
    ("token", "delete"): (401, 404, 404, 404, 204, 404),
    ("audit", "get"): (401, 404, 200, 200, 200, 404),
    ("functions", "get"): (401, 404, 200, 200, 200, 404),
    ("functions", "post"): (401, 404, 403, 400, 400, 404),
    ("function", "get"): (401, 404, 200, 200, 200, 404),
    ("function", "patch"): (401, 404, 403, 200, 200, 404),
    ("function", "put"): (401, 404, 403, 428, 428, 404),
    ("function", "delete"): (401, 404, 403, 204, 204, 404),
    ("versions", "get"): (401, 404, 200, 200, 200, 404),
    ("version", "get"): (401, 404, 200, 200, 200, 404),
    ("deploy", "post"): (401, 404, 403, 200, 200, 404),
    ("rollback", "post"): (401, 404, 403, 404, 404, 404),
    ("invoke", "post"): (401, 404, 409, 409, 409, 404),
    ("runs", "get"): (401, 404, 200, 200, 200, 404),
    ("run", "get"): (401, 404, 200, 200, 200, 404),
    ("replay", "post"): (401, 404, 403, 409, 409, 404),
    ("cases", "get"): (401, 404, 200, 200, 200, 404),
    ("cases", "post"): (401, 404, 403, 400, 400, 404),
    ("case", "delete"): (401, 404, 403, 204, 204, 404),
    ("case-run", "post"): (401, 404, 409, 409, 409, 404),
    ("import", "post"): (401, 404, 403, 400, 400, 404),
    ("logs", "get"): (401, 404, 404, 404, 404, 404),
    ("secrets", "get"): (401, 404, 200, 200, 200, 404),
    ("secrets", "patch"): (401, 404, 403, 200, 200, 404),
    ("configuration", "get"): (401, 404, 200, 200, 200, 404),
    ("configuration", "patch"): (401, 404, 403, 200, 200, 404),
    ("call-tokens", "get"): (401, 404, 200, 200, 200, 404),
    ("call-tokens", "post"): (401, 404, 403, 400, 400, 404),
    ("call-token", "delete"): (401, 404, 403, 200, 200, 404),
    ("schema", "get"): (200, 200, 200, 200, 200, 200),
    ("docs", "get"): (200, 200, 200, 200, 200, 200),
}
METHODS = ("get", "post", "put", "patch", "delete")


def url_of(name: str, cast: Cast) -> str:
    """The URL of an operation on something of Ada's; what it names exists."""
    pattern = next(pattern for pattern in urlpatterns if pattern.name == name)
    values: dict[str, Any] = {"slug": cast.tenant.slug, "name": "hello", "number": 1}
    if name in THINGS:
        values["pk"] = THINGS[name](cast)
    wanted = pattern.pattern.regex.groupindex  # type: ignore[union-attr]
    return reverse(f"api:{name}", kwargs={key: values[key] for key in wanted})


THINGS: dict[str, Callable[[Cast], object]] = {
    "member": lambda cast: cast.tenant.memberships.get(user=cast.ada).pk,
    "invitation": lambda cast: members.invite(tenant=cast.tenant, role="viewer", actor=cast.ada)[0].pk,
    "token": lambda cast: tokens.create(user=cast.ada, name="ci", tenant=cast.tenant)[0].pk,
    "call-token": a_call_token,
    "run": a_run,
    "case": a_case,
    "case-run": a_case,
    "replay": a_run,
}


def client_of(actor: str, cast: Cast) -> Client:
    people = {"stranger": cast.cy, "viewer": cast.ben, "developer": cast.dee, "owner": cast.ada, "operator": cast.op}
    client = Client()
    if actor in people:
        client.force_login(people[actor], backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize(("name", "method"), MATRIX)
def test_the_permission_matrix(cast: Cast, name: str, method: str) -> None:
    seen = {}

    for actor in ACTORS:
        with transaction.atomic():  # nobody finds what the one before has done
            client = client_of(actor, cast)
            answer = client.generic(method.upper(), url_of(name, cast), "{}", content_type="application/json")
            seen[actor] = answer.status_code
            transaction.set_rollback(True)

    assert seen == dict(zip(ACTORS, MATRIX[name, method], strict=True))


class DocsPage:
    """What the one view that is a function answers."""

    get = True


def test_every_operation_has_a_row_in_the_matrix() -> None:
    operations = {
        (pattern.name, method)
        for pattern in urlpatterns
        if isinstance(pattern, URLPattern)
        for method in METHODS
        if hasattr(getattr(pattern.callback, "cls", DocsPage), method)
    }

    assert operations == set(MATRIX)


def test_a_full_workspace_is_told_so_on_the_page_and_by_the_api(cast: Cast, settings: Any) -> None:
    settings.MAX_FUNCTIONS_PER_TENANT = 1.0
    client, page = client_of("owner", cast), f"/t/{cast.tenant.slug}/functions/"

    refused = client.post(url_of("functions", cast), {"name": "more"}, content_type="application/json")
    shown = client.post(page, {"name": "more", "template": "blank"})

    assert (refused.status_code, refused.json()["code"]) == (409, "quota_reached")
    assert shown.status_code == 422
    assert "This workspace has 1 functions, as many as it may" in shown.content.decode()


def bearer(cast: Cast, **kwargs: Any) -> dict[str, str]:
    _, token = tokens.create(user=cast.ada, name="ci", **kwargs)
    return {"Authorization": f"Bearer {token}"}


def put(cast: Cast, headers: dict[str, str], body: dict[str, Any]) -> "Response | HttpResponse":
    return Client().put(url_of("function", cast), json.dumps(body), content_type="application/json", headers=headers)


def test_a_save_needs_the_etag_of_the_version_it_was_made_from(cast: Cast) -> None:
    headers = bearer(cast)
    etag = Client().get(url_of("function", cast), headers=headers)["ETag"]

    saved = put(cast, {**headers, "If-Match": etag}, {"files": FILES})
    stale = put(cast, {**headers, "If-Match": etag}, {"files": FILES})
    absent = put(cast, headers, {"files": FILES})

    assert (saved.status_code, saved["ETag"], saved.json()["files"]) == (200, '"2"', FILES)
    assert (stale.status_code, stale.json()["code"], stale.json()["current"]) == (412, "stale_version", 2)
    assert absent.status_code == 428


@pytest.mark.parametrize("etag", ["2", '"x"', 'W/"1"', "*", '"1", "2"', '"-1"', '"' + "9" * 5000 + '"'])
def test_an_etag_that_is_not_ours_never_matches(cast: Cast, etag: str) -> None:
    assert put(cast, {**bearer(cast), "If-Match": etag}, {"files": FILES}).status_code == 412


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"files": "x"},
        {"files": {"index.js": 1}},
        {"files": {"index.js": None}},
        {"files": FILES, "boundaryId": "b-other"},
        {"files": FILES, "configuration": {"A": {}}},
        {"files": {"../index.js": "x", **FILES}},
        {"files": FILES, "configuration": {"\ud800": "x"}},
        {"files": FILES, "configuration": {"a b": "x"}},
        {"files": FILES, "configuration": {"A": "x\x00"}},
        {"files": FILES, "security": {"authorization": "\x00"}},
        {"files": FILES, "security": {"authorization": "\ud800"}},
        {"files": FILES, "compute": {"memorySize": [["\udfff"]]}},
        [],
        "x",
        None,
    ],
)
def test_a_body_that_cannot_be_saved_is_a_400_that_says_why(cast: Cast, body: Any) -> None:
    answer = put(cast, {**bearer(cast), "If-Match": '"1"'}, body)

    assert answer.status_code == 400
    assert answer.json()["message"]
    assert answer.json()["status"] == answer.json()["statusCode"] == 400


def test_a_token_for_one_tenant_sees_no_other(cast: Cast) -> None:
    row, _ = tokens.create(user=cast.ada, name="narrow", tenant=cast.cy.tenants.get())
    ApiToken.objects.filter(pk=row.pk).update(digest=tokens._digest("known"))

    answer = Client().get(url_of("functions", cast), headers={"Authorization": "Bearer known"})

    assert answer.status_code == 404


def test_a_revoked_token_is_refused_at_once(cast: Cast) -> None:
    row, token = tokens.create(user=cast.ada, name="ci")
    headers = {"Authorization": f"Bearer {token}"}
    before = Client().get(url_of("tenants", cast), headers=headers).status_code

    tokens.revoke(row=row, actor=cast.ada)

    assert before == 200
    assert Client().get(url_of("tenants", cast), headers=headers).status_code == 401


def test_a_token_is_not_kept_in_clear(cast: Cast) -> None:
    row, token = tokens.create(user=cast.ada, name="ci")

    assert token not in json.dumps(list(ApiToken.objects.values("digest", "hint", "name")))
    assert len(row.hint) < 12


def test_a_session_without_a_csrf_token_cannot_write(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.ada, backend="django.contrib.auth.backends.ModelBackend")

    answer = client.post(url_of("functions", cast), {"name": "x"}, content_type="application/json")

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"[" * 100_000, 400),
        (b'{"files": ' + b"9" * 5_000 + b"}", 400),
        (b'{"files": {"index.js": "\xff"}}', 400),
        (b'{"message": NaN}', 400),
        (b"\xef\xbb\xbf{}", 400),
        (b'{"files": {"index.js": "' + b"x" * 3_000_000 + b'"}}', 413),
    ],
    ids=["deep", "long number", "not utf-8", "not a number", "byte order mark", "large"],
)
def test_a_hostile_body_is_refused_and_nothing_breaks(cast: Cast, raw: bytes, status: int) -> None:
    headers = {**bearer(cast), "If-Match": '"1"'}

    answer = Client().generic("PUT", url_of("function", cast), raw, content_type="application/json", headers=headers)

    assert answer.status_code == status
    assert answer.json()["message"]


def test_the_page_for_people_shows_every_operation_of_the_document(cast: Cast) -> None:
    document = Client().get("/api/v1/schema/", headers={"Accept": "application/json"}).json()
    page = Client().get("/api/v1/docs/").content.decode()

    for path, item in document["paths"].items():
        assert path in page
        assert all(item[verb]["operationId"] in page for verb in METHODS if verb in item and "schema" not in path)
