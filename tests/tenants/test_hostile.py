"""What strangers, old caches, other sites and odd requests get: nothing, in the same words for all."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from tenants.api.urls import urlpatterns as api_urls
from tenants.models import Allowance, AuditEvent, FunctionVersion, Tenant
from tenants.services import configuration, functions, starters
from tenants.urls import urlpatterns as page_urls
from tests.cast import Cast
from tests.pages.conftest import go_live
from tests.pages.test_permissions import MATRIX as PAGES
from tests.pages.test_permissions import address
from tests.tenants.test_api import MATRIX as OPERATIONS
from tests.tenants.test_api import url_of
from tests.tenants.test_api_access import Api, api

__all__ = ["api"]

# Every other URL of the site: who may call it, and why that is right.
SITE = {
    "login": "public: where one signs in",
    "logout": "public: a POST that ends whatever session there is",
    "alive": "public: one word for load balancers",
    "ready": "public: ok or unwell, for load balancers",
    "metrics": "operators, and who holds the token for it",
    "None": "public: the redirect of /favicon.ico",
    "jwks": "public: public keys",
    "social:begin": "public: a POST that leads to the provider",
    "social:complete": "public: where the provider sends people back",
    "social:disconnect": "the person's own",
    "social:disconnect_individual": "the person's own",
    "social:app_launch": "off",
    "social:idp_launch": "off",
}


def names(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns, f"{prefix}{pattern.namespace or ''}:".removeprefix(":"))
        else:
            yield f"{prefix}{pattern.name}"


def test_id_01_every_url_of_the_site_has_a_row_somewhere() -> None:
    everything = {name for name in names(get_resolver("onboarding.urls").url_patterns) if not name.startswith("admin:")}
    rows = {f"tenants:{name}" for name, _ in PAGES} | {f"api:{name}" for name, _ in OPERATIONS} | set(SITE)

    assert everything - rows == set()


def signed_in(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def places(cast: Cast) -> list[str]:
    """Every URL of pages and API, on things of Ada's that exist."""
    pages = [str(pattern.name) for pattern in page_urls if isinstance(pattern, URLPattern)]
    operations = [str(pattern.name) for pattern in api_urls if isinstance(pattern, URLPattern)]
    return [address(name, cast) for name in pages] + [url_of(name, cast) for name in operations]


def test_id_01_methods_that_nobody_declared_are_refused_everywhere(cast: Cast) -> None:
    declared = {("page", *row) for row in PAGES} | {("api", *row) for row in OPERATIONS}
    client = signed_in(cast.ada)
    kinds = [("page", page_urls, address), ("api", api_urls, url_of)]

    wrong = [
        (kind, pattern.name, method)
        for kind, urls, place in kinds
        for pattern in urls
        for method in ("options", "trace")
        if getattr(client, method)(place(str(pattern.name), cast)).status_code != 405
        and (kind, pattern.name, method) not in declared
    ]

    assert wrong == []


def contents() -> str:
    """Everything that the product remembers, but for sessions and how many requests there were."""
    rows = {
        model._meta.label: [
            {name: value for name, value in row.items() if name != "runs_copied_at"}  # when Fusebit was asked last
            for row in model._default_manager.order_by("pk").values()
        ]
        for label in ("tenants", "auth", "social_django", "fusebit_bridge")
        for model in apps.get_app_config(label).get_models()
        if model is not Allowance
    }
    return json.dumps(rows, default=str, sort_keys=True)


def test_cs_01_a_get_never_changes_anything(cast: Cast) -> None:
    go_live(cast.hello)
    urls, client = places(cast), signed_in(cast.ada)
    before = contents()

    for url in urls:
        client.get(url)
        client.head(url)

    assert contents() == before


def test_cs_01_a_form_of_another_site_is_refused_on_every_page(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.ada, backend="django.contrib.auth.backends.ModelBackend")
    before = contents()

    seen = {name: client.post(address(name, cast)).status_code for name, method in PAGES if method == "post"}

    assert set(seen.values()) == {403}, seen
    assert Tenant.objects.filter(slug=cast.tenant.slug).exists()
    assert len(contents()) >= len(before)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_in_07_a_body_of_another_kind_is_refused_by_the_api(cast: Cast, api: Api, kind: str) -> None:
    answer = Client().generic("POST", f"{api.base}functions/", b'{"name": "x"}', content_type=kind, headers=api.headers)

    assert answer.status_code == 415
    assert answer.json()["code"] == "unsupported_media_type"


@pytest.mark.parametrize("path", ["/login/", "/api/v1/tenants/", "/healthz"])
def test_cs_02_no_other_origin_gets_to_read_an_answer(cast: Cast, path: str) -> None:
    answer = signed_in(cast.ada).get(path, headers={"Origin": "https://evil.example"})

    assert "Access-Control-Allow-Origin" not in answer
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host"])
def test_cs_04_a_foreign_host_is_refused_or_ignored(cast: Cast, header: str, api: Api) -> None:
    answer = Client().get("/login/", headers={header: "evil.example"})
    made = api("POST", "invitations/", {"role": "viewer"}, **{header.replace("-", "_"): "evil.example"})

    assert "evil.example" not in answer.content.decode()
    assert answer.status_code == (400 if header == "Host" else 200)
    assert "evil.example" not in made.content.decode()


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_cs_05_a_method_in_a_header_or_a_field_is_ignored(cast: Cast, api: Api, header: str) -> None:
    api("POST", "functions/hello/invoke/", {}, **{header.replace("-", "_"): "DELETE"})
    signed_in(cast.ada).post(f"/t/{cast.tenant.slug}/functions/", {"_method": "DELETE"}, headers={header: "DELETE"})
    answer = api("GET", "functions/hello/", **{header.replace("-", "_"): "DELETE"})

    assert answer.status_code == 200
    assert cast.hello.deployment.absent is False


def without_ids(answer: HttpResponse) -> str:
    """The answer without what is new in every one."""
    text = re.sub(r"csrfmiddlewaretoken\" value=\"\w+|<code>[0-9a-f]{12}</code>", "", answer.content.decode())
    return f"{answer.status_code} {text}"


@pytest.mark.parametrize("tail", ["", "functions/", "functions/hello/", "members/", "audit/", "tokens/"])
def test_en_01_what_is_somebody_elses_looks_like_what_is_not_there(cast: Cast, tail: str) -> None:
    client = signed_in(cast.cy)

    for root in ("/api/v1/tenants/{}/", "/t/{}/"):
        if root == "/t/{}/" and not tail:
            continue
        foreign = client.get(root.format(cast.tenant.slug) + tail)
        absent = client.get(root.format("nobody-0a0a0a0a") + tail)
        assert foreign.status_code == 404
        assert without_ids(foreign) == without_ids(absent).replace("nobody-0a0a0a0a", cast.tenant.slug)


def test_id_25_no_private_answer_is_kept_by_caches(cast: Cast) -> None:
    go_live(cast.hello)
    client = signed_in(cast.ada)

    for url in places(cast):
        answer = client.get(url)
        if url == "/api/v1/docs/" or answer.status_code == 405:
            continue
        assert "no-store" in answer["Cache-Control"], url
        assert {"Cookie", "Authorization"} <= {part.strip() for part in answer["Vary"].split(",")}, url


def test_ma_01_a_form_writes_nothing_that_it_does_not_show(cast: Cast) -> None:
    extra = {"is_staff": "on", "is_superuser": "on", "boundary_id": "b-mine", "slug": "mine", "role": "owner"}

    signed_in(cast.ada).post(f"/t/{cast.tenant.slug}/name/", {"name": "New name", **extra})
    signed_in(cast.ben).post(f"/t/{cast.tenant.slug}/tokens/", {"name": "x", "days": "30", "scope": "read", **extra})

    fresh = Tenant.objects.get(pk=cast.tenant.pk)
    assert (fresh.name, fresh.slug, fresh.boundary_id) == ("New name", cast.tenant.slug, cast.tenant.boundary_id)
    assert not User.objects.filter(pk__in=[cast.ada.pk, cast.ben.pk], is_staff=True).exists()
    assert fresh.memberships.get(user=cast.ben).role == "viewer"


def test_ma_04_no_serializer_names_its_fields_by_leaving_some_out() -> None:
    for path in Path("tenants/api").resolve().rglob("*.py"):
        source = path.read_text()
        assert "__all__" not in source, path
        assert not re.search(r"^\s+exclude =", source, re.MULTILINE), path


def test_rc_04_deleting_twice_is_deleting_once(cast: Cast, api: Api) -> None:
    first, second = api("DELETE", "functions/hello/"), api("DELETE", "functions/hello/")

    assert first.status_code == 204
    assert second.status_code in {204, 404}
    assert api("PUT", "functions/hello/", {"files": {"index.js": "1;"}}, If_Match='"1"').status_code in {200, 404, 409}


def test_rc_09_a_name_that_is_used_again_begins_its_history_anew(cast: Cast) -> None:
    configuration.patch(function=cast.hello, author=cast.ada, secret={"TOKEN": "an old value"})
    type(cast.hello).objects.update(deleted_at=timezone.now())

    fresh = functions.create(tenant=cast.tenant, name="hello", starter=starters.blank(), author=cast.ada)

    assert list(fresh.versions.values_list("number", flat=True)) == [1]
    assert fresh.latest.secrets == {}
    assert FunctionVersion.objects.filter(function__name="hello").count() == 3


def test_a_suspended_tenant_can_be_looked_at_and_not_changed(cast: Cast, api: Api) -> None:
    Tenant.objects.filter(pk=cast.tenant.pk).update(suspended_at=timezone.now())
    browser = signed_in(cast.ada)

    page = browser.get(f"/t/{cast.tenant.slug}/functions/")
    answers = [
        api("PUT", "functions/hello/", {"files": {"index.js": "1;"}}, If_Match='"1"'),
        api("PATCH", "functions/hello/secrets/", {"TOKEN": "some value"}),
        api("POST", "functions/", {"name": "x"}),
        api("POST", "functions/hello/deploy/", {}),
        api("POST", "invitations/", {"role": "viewer"}),
    ]

    assert page.status_code == 200
    assert "This workspace is suspended." in page.content.decode()
    assert "Create function" not in page.content.decode()
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "tenant_suspended")}
    assert browser.post(f"/t/{cast.tenant.slug}/functions/", {"name": "x"}).status_code == 403
    assert AuditEvent.objects.filter(action="denied").count() == 6
