"""What a token may do over the REST API, what is shown once, and what happens to a request that is repeated."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from tenants.models import ApiToken, AuditEvent, Membership, Role, Scope
from tenants.services import members, tokens
from tests.cast import Cast

SECRET = "sk_live_51HxQ2eZvKYlo2C"


class Api:
    """The REST API as a script sees it."""

    def __init__(self, cast: Cast, scope: str = Scope.MANAGE, **token: Any) -> None:
        self.base = f"/api/v1/tenants/{cast.tenant.slug}/"
        _, text = tokens.create(**{"user": cast.ada, "name": "ci", "scope": scope, **token})
        self.headers = {"Authorization": f"Bearer {text}"}

    def __call__(self, method: str, path: str = "", body: Any = None, **headers: str) -> HttpResponse:
        """Send a request below the tenant."""
        content = b"" if body is None else json.dumps(body).encode()
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return Client().generic(  # type: ignore[return-value]  # a test's response is one
            method, self.base + path, content, content_type="application/json", headers=sent
        )


@pytest.fixture
def api(cast: Cast) -> Api:
    """A token of Ada's that may do everything."""
    return Api(cast)


CALLS = {
    Scope.READ: [("GET", ""), ("GET", "functions/hello/secrets/"), ("GET", "members/"), ("GET", "audit/")],
    Scope.RUN: [("POST", "functions/hello/invoke/")],
    Scope.WRITE: [("PUT", "functions/hello/"), ("PATCH", "functions/hello/secrets/"), ("POST", "functions/")],
    Scope.MANAGE: [("POST", "tokens/"), ("POST", "invitations/"), ("PATCH", ""), ("POST", "functions/hello/tokens/")],
}


@pytest.mark.parametrize("scope", tokens.ORDER)
def test_a_token_does_what_its_scope_includes_and_nothing_more(cast: Cast, scope: str) -> None:
    api = Api(cast, scope)

    for needed, calls in CALLS.items():
        for method, path in calls:
            answer = api(method, path, None if method == "GET" else {})
            refused = answer.status_code == 403 and answer.json()["code"] == "scope_missing"
            assert refused == (not tokens.allows(ApiToken(scope=scope), needed)), (method, path, answer.content)


def test_a_token_never_does_more_than_its_person(cast: Cast) -> None:
    api = Api(cast, user=cast.ben)

    answer = api("PATCH", "functions/hello/secrets/", {"TOKEN": SECRET})

    assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")
    assert AuditEvent.objects.get(action="denied").actor == cast.ben


def test_the_command_prints_a_token_alone_on_its_line(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_api_token", "ada@example.com", name="cli", scope="read", days=30, tenant=cast.tenant.slug)

    row = tokens.find(capsys.readouterr().out.splitlines()[-1])

    assert row is not None
    assert (row.name, row.scope, row.tenant) == ("cli", "read", cast.tenant)
    assert row.expires_at is not None
    assert timedelta(days=29) < row.expires_at - timezone.now() < timedelta(days=31)


def test_the_command_refuses_what_makes_no_sense(cast: Cast) -> None:
    for options in ({"days": 0, "name": "x"}, {"name": " "}, {"name": "x", "tenant": "elsewhere"}):
        with pytest.raises(CommandError):
            call_command("create_api_token", "ada@example.com", **options)


def test_an_expired_token_is_refused(cast: Cast) -> None:
    api = Api(cast, expires_at=timezone.now() + timedelta(hours=1))
    before = api("GET").status_code

    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert (before, api("GET").status_code) == (200, 401)


def test_a_token_remembers_when_it_was_used(cast: Cast, api: Api) -> None:
    api("GET")

    assert ApiToken.objects.get().last_used_at is not None


def test_a_token_is_shown_once_and_can_take_itself_away(cast: Cast, api: Api) -> None:
    made = api("POST", "tokens/", {"name": "reader", "scope": "read"})
    narrow = Api(cast)
    narrow.headers = {"Authorization": f"Bearer {made.json()['token']}"}
    listed = api("GET", "tokens/").json()["items"]

    gone = narrow("DELETE", f"tokens/{made.json()['id']}/")

    assert made.status_code == 201
    assert made.json()["token"] not in json.dumps(listed)
    assert (gone.status_code, narrow("GET").status_code) == (204, 401)


@pytest.mark.parametrize(
    "body", [{"name": ""}, {"name": "x", "scope": "all"}, {"name": "x", "expires_at": "2001-01-01T00:00:00Z"}, {}]
)
def test_a_token_that_makes_no_sense_is_refused(api: Api, body: dict[str, str]) -> None:
    assert api("POST", "tokens/", body).status_code == 400


def test_secrets_are_patched_by_name_and_never_shown(cast: Cast, api: Api) -> None:
    api("PATCH", "functions/hello/secrets/", {"ONE": SECRET, "TWO": "another value"})
    patched = api("PATCH", "functions/hello/secrets/", {"TWO": None, "THREE": "third value"})
    everything = "".join(
        api("GET", path).content.decode()
        for path in ("functions/hello/", "functions/hello/secrets/", "functions/hello/versions/2/", "audit/")
    )

    assert [row["name"] for row in patched.json()["items"]] == ["ONE", "THREE"]
    assert patched.json()["version"] == 3
    assert SECRET not in everything
    assert '"secrets":["ONE","TWO"]' in api("GET", "functions/hello/versions/2/").content.decode()


def test_configuration_is_patched_by_name(api: Api) -> None:
    api("PATCH", "functions/hello/configuration/", {"MODE": "fast", "SIZE": "2"})

    patched = api("PATCH", "functions/hello/configuration/", {"SIZE": None})

    assert patched.json()["items"] == {"MODE": "fast"}
    assert api("GET", "functions/hello/").json()["configuration"] == {"MODE": "fast"}


@pytest.mark.parametrize(
    "body",
    [{"NODE_OPTIONS": "--inspect"}, {"A": 1}, {"A": {}}, {"A": "x"}, {"A B": "value"}, [], "x", {"A": "a\x00value"}],
)
def test_a_patch_that_cannot_be_kept_is_a_400_and_changes_nothing(cast: Cast, api: Api, body: Any) -> None:
    answer = api("PATCH", "functions/hello/secrets/", body)

    assert answer.status_code == 400
    assert answer.json()["message"]
    assert cast.hello.latest.number == 1


def test_a_save_over_the_api_keeps_secrets_and_cannot_set_them(api: Api) -> None:
    api("PATCH", "functions/hello/secrets/", {"ONE": SECRET})
    files = {"index.js": "module.exports = async () => ({});"}

    refused = api("PUT", "functions/hello/", {"files": files, "secrets": {"TWO": "x"}}, If_Match='"2"')
    saved = api("PUT", "functions/hello/", {"files": files}, If_Match='"2"')

    assert refused.status_code == 400
    assert saved.json()["secrets"] == ["ONE"]


def test_what_is_said_about_a_function_is_no_version(cast: Cast, api: Api) -> None:
    api("PATCH", "functions/hello/", {"description": "Takes orders", "tags": ["shop", "eu"]})
    told = api("PATCH", "functions/hello/", {"keeps_bodies": True}).json()
    refused = api("PATCH", "functions/hello/", {"tags": ["a b"]})

    assert (told["description"], told["tags"], told["keeps_bodies"]) == ("Takes orders", ["eu", "shop"], True)
    assert (told["version"], refused.status_code) == (1, 400)


@pytest.mark.parametrize("template", ["blank", "hello", "webhook", "report", "api"])
def test_a_function_begins_with_any_template(api: Api, template: str) -> None:
    made = api("POST", "functions/", {"name": f"from-{template}", "template": template})

    assert made.status_code == 201
    assert made.json()["files"]["index.js"]


@pytest.mark.parametrize("query", ["?x=1", "?before=x", "?before=0", "?before=1&before=2", "?before=99999999999"])
def test_parameters_that_do_not_exist_or_make_no_sense_are_refused(api: Api, query: str) -> None:
    answer = api("GET", f"audit/{query}")

    assert answer.status_code == 400
    assert set(answer.json()) >= {"status", "statusCode", "code", "message", "fields"}


def test_the_audit_trail_is_read_page_by_page(cast: Cast, api: Api) -> None:
    for number in range(101):
        members.rename(tenant=cast.tenant, name=f"Name {number}", actor=cast.ada)

    first = api("GET", "audit/").json()
    second = api("GET", f"audit/?before={first['next']}").json()

    numbers = [row["number"] for row in first["items"] + second["items"]]
    assert numbers == list(range(len(numbers), 0, -1))
    assert "next" not in second


def test_members_are_invited_changed_and_removed(cast: Cast, api: Api) -> None:
    made = api("POST", "invitations/", {"role": "developer", "label": "Cy"}).json()
    browser = Client()
    browser.force_login(cast.cy, backend="django.contrib.auth.backends.ModelBackend")
    browser.post("/join/" + made["link"].split("/join/")[1])
    row = Membership.objects.get(tenant=cast.tenant, user=cast.cy)

    changed = api("PATCH", f"members/{row.pk}/", {"role": "viewer"})
    removed = api("DELETE", f"members/{row.pk}/")

    assert made["link"] not in api("GET", "invitations/").content.decode()
    assert (row.role, changed.json()["role"], removed.status_code) == (Role.DEVELOPER, "viewer", 204)
    assert not Membership.objects.filter(pk=row.pk).exists()


def test_anybody_leaves_over_the_api_but_the_last_owner(cast: Cast, api: Api) -> None:
    ben = Membership.objects.get(tenant=cast.tenant, user=cast.ben)
    ada = Membership.objects.get(tenant=cast.tenant, user=cast.ada)

    left = Api(cast, user=cast.ben)("DELETE", f"members/{ben.pk}/")
    kept = api("DELETE", f"members/{ada.pk}/")

    assert left.status_code == 204
    assert (kept.status_code, kept.json()["code"]) == (409, "last_owner")


@pytest.mark.parametrize(
    "field", ["id", "slug", "boundary", "boundary_id", "created_at", "is_staff", "is_superuser", "groups", "tenant"]
)
def test_ma_01_nothing_but_the_named_fields_is_written(cast: Cast, api: Api, field: str) -> None:
    before = api("GET").json()

    answer = api("PATCH", "", {"name": "New", field: "x"})

    assert answer.status_code == 400
    assert answer.json()["fields"] == {field: ["There is no such field."]}
    assert api("GET").json() == before


def test_every_error_has_one_shape_and_an_id(api: Api) -> None:
    answers = [
        Client().get(api.base),
        Client().get("/api/v1/nothing/"),
        api("GET", "functions/none/"),
        api("POST", "functions/hello/"),
        api("PUT", "functions/hello/", {}),
        api("POST", "functions/", {"name": "hello"}),
    ]

    assert [answer.status_code for answer in answers] == [401, 404, 404, 405, 428, 409]
    for answer in answers:
        body = answer.json()
        assert set(body) >= {"status", "statusCode", "code", "message"}
        assert body["status"] == body["statusCode"] == answer.status_code
        assert answer["X-Request-Id"]


def test_the_document_describes_errors_examples_and_headers(db: None) -> None:
    document = Client().get("/api/v1/schema/", headers={"Accept": "application/json"}).json()
    paths = document["paths"]
    put = paths["/api/v1/tenants/{slug}/functions/{name}/"]["put"]
    create = paths["/api/v1/tenants/{slug}/functions/"]["post"]

    assert document["openapi"].startswith("3.1")
    assert {"400", "401", "403", "404", "409", "412", "428", "429"} <= set(put["responses"])
    assert any(parameter["name"] == "If-Match" and parameter["required"] for parameter in put["parameters"])
    assert any(parameter["name"] == "Idempotency-Key" for parameter in create["parameters"])
    assert create["requestBody"]["content"]["application/json"]["examples"]
    assert document["components"]["schemas"]["Error"]["required"] == ["status", "statusCode", "code", "message"]


def test_a_request_is_kept_under_a_name_replaced_and_forgotten(cast: Cast, api: Api) -> None:
    given = {"method": "POST", "path": "/orders", "query": {"dry": "1"}, "headers": {"X-One": "a: b"}, "body": {"n": 1}}
    kept = api("POST", "functions/hello/cases/", {"name": "Order", "request": {**given, "identity": "anonymous"}})
    again = api("POST", "functions/hello/cases/", {"name": "Order", "request": {**given, "path": "/orders/2"}})
    (listed,) = api("GET", "functions/hello/cases/").json()["items"]

    assert (kept.status_code, again.status_code) == (201, 201)
    assert kept.json()["request"] == {**given, "body": '{"n": 1}', "identity": "anonymous", "actions": []}
    assert (listed["id"], listed["request"]["path"]) == (kept.json()["id"], "/orders/2")
    panel = cast.hello.cases.get().request
    assert (panel["query"], panel["headers"], panel["body"]) == ("dry=1", "X-One: a: b", '{"n": 1}')
    assert api("DELETE", f"functions/hello/cases/{listed['id']}/").status_code == 204
    assert api("DELETE", f"functions/hello/cases/{listed['id']}/").status_code == 404


@pytest.mark.parametrize(
    "request_of_case",
    [None, {"method": "TRACE"}, {"identity": "root"}, {"actions": ["fly"]}, {"body": "{"}, {"headers": {"": "x"}}],
)
def test_a_request_that_cannot_be_sent_is_not_kept(cast: Cast, api: Api, request_of_case: Any) -> None:
    answer = api("POST", "functions/hello/cases/", {"name": "Order", "request": request_of_case})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert "request" in answer.json()["fields"]
    assert not cast.hello.cases.exists()


def test_a_case_of_another_function_does_not_exist_here(cast: Cast, api: Api) -> None:
    api("POST", "functions/", {"name": "other"})
    number = api("POST", "functions/other/cases/", {"name": "Order", "request": {}}).json()["id"]

    assert api("POST", f"functions/hello/cases/{number}/run/").status_code == 404
    assert api("DELETE", f"functions/hello/cases/{number}/").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"specification": {}}, "specification"),
        ({"specification": {"nodejs": {"files": 1}}}, "specification"),
        ({"specification": {"nodejs": {"encodedFiles": {"a.png": {}}}}}, "specification"),
        ({"specification": {"nodejs": {"files": {"index.js": "1;"}}}}, "name"),
        ({"specification": "{}"}, "specification"),
    ],
)
def test_what_is_no_specification_is_not_imported(api: Api, body: Any, field: str) -> None:
    answer = api("POST", "import/", body)

    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
