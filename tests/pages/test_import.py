"""Functions that come from elsewhere, and finding them again."""

import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from tenants.models import Function, Run
from tenants.services import functions, starters
from tests.cast import Cast

SPECIFICATION = {
    "id": "order-created",
    "nodejs": {"files": {"index.js": "module.exports = async () => ({});", "package.json": {"dependencies": {}}}},
    "configuration": {"GREETING": "Hi"},
    "compute": {"memorySize": 256, "timeout": 30, "staticIp": False},
    "schedule": {"cron": "0 9 * * *"},
    "security": {"authentication": "none"},
    "routes": [{"path": "/a"}],
    "metadata": {"tags": {"shop": 1}},
    "runtime": {"tags": {}},
}


def test_what_fusebit_answers_becomes_a_function(ada: Client, cast: Cast, home_of: str) -> None:
    answer = ada.post(f"{home_of}import/", {"specification": json.dumps(SPECIFICATION)})

    assert (answer.status_code, answer.url) == (302, f"{home_of}functions/order-created/")
    made = Function.objects.get(name="order-created")
    assert made.tags == ["shop"]
    latest = made.latest
    assert set(latest.files) == {"index.js", "package.json"}
    assert (latest.configuration, latest.schedule) == ({"GREETING": "Hi"}, {"cron": "0 9 * * *"})
    assert (latest.compute, latest.security, latest.routes) == ({"memorySize": 256}, {}, [{"path": "/a"}])


def test_a_folder_becomes_a_function_without_what_npm_left_behind(ada: Client, cast: Cast, home_of: str) -> None:
    paths = ["shop/index.js", "shop/lib/a.js", "shop/node_modules/x/index.js", "shop/.git/config"]

    answer = ada.post(f"{home_of}import/", {"name": "shop", "path": paths, "content": ["1;", "2;", "3;", "4;"]})

    assert answer.status_code == 302
    assert Function.objects.get(name="shop").latest.files == {"index.js": "1;", "lib/a.js": "2;"}


def test_files_can_be_sent_without_a_script(ada: Client, cast: Cast, home_of: str) -> None:
    files = [SimpleUploadedFile("index.js", b"1;"), SimpleUploadedFile("a.js", b"2;")]

    assert ada.post(f"{home_of}import/", {"name": "shop", "files": files}).status_code == 302
    assert set(Function.objects.get(name="shop").latest.files) == {"index.js", "a.js"}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Paste a specification, or choose files."),
        ({"specification": "{"}, "This is not JSON"),
        ({"specification": "[" * 100_000}, "This is not JSON"),
        ({"specification": "{}"}, "it has no “nodejs”"),
        ({"specification": json.dumps({**SPECIFICATION, "nodejs": {"files": 1}})}, "This is not what GET"),
        (
            {"specification": json.dumps({"nodejs": {"files": {}, "encodedFiles": {"a.png": {}}}})},
            "binary files (a.png)",
        ),
        ({"specification": json.dumps({**SPECIFICATION, "id": ""})}, "Use 1 to 64 letters"),
        ({"specification": json.dumps({**SPECIFICATION, "id": "hello"})}, "called hello already"),
        ({"name": "shop", "path": ["a.js"], "content": ["1;"]}, "There must be an index.js"),
        ({"name": "shop", "path": [".env"], "content": ["1;"]}, "There is no file in it"),
        ({"name": "shop", "path": ["index.js"], "content": ["x" * 500_000]}, "these have 500 KB"),
        ({"name": "shop", "files": SimpleUploadedFile("index.js", b"\xff\xfe")}, "index.js is not text"),
        ({"name": "shop", "files": SimpleUploadedFile("index.js", b"x" * 10_000_000)}, "All files together"),
        ({"name": "no good", "specification": json.dumps(SPECIFICATION)}, "letters, digits and hyphens"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_words(
    sent: dict[str, object], words: str, ada: Client, cast: Cast, home_of: str
) -> None:
    answer = ada.post(f"{home_of}import/", sent)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert Function.objects.filter(tenant=cast.tenant).count() == 1


def test_functions_are_found_by_name_description_and_tag(ada: Client, cast: Cast, home_of: str) -> None:
    made = functions.create(tenant=cast.tenant, name="order-paid", starter=starters.blank(), author=cast.ada)
    functions.describe(
        function=made, description="Thanks people", tags=["shop", "mail"], keeps_bodies=False, author=cast.ada
    )

    for query, wanted in {"q=PAID": 1, "q=thanks": 1, "tag=mail": 1, "q=mail": 1, "q=nothing": 0, "tag=no": 0}.items():
        shown = ada.get(f"{home_of}functions/?{query}").content.decode()
        assert shown.count('class="row-link"') == wanted, query
    assert "Show all 2" in ada.get(f"{home_of}functions/?q=nothing").content.decode()


def test_calls_and_errors_are_drawn_with_words_for_who_cannot_see_them(ada: Client, cast: Cast, home_of: str) -> None:
    given = {"tenant": cast.tenant, "function": cast.hello, "function_name": "hello", "method": "GET"}
    Run.objects.create(**given, status=200)
    Run.objects.create(**given, status=500, cause="code_error", created_at=timezone.now() - timedelta(hours=3))
    Run.objects.create(**given, status=200, created_at=timezone.now() - timedelta(days=3))

    shown = ada.get(f"{home_of}functions/").content.decode()

    assert 'aria-label="2 calls, 1 failed or refused in the last 24 hours"' in shown
    assert shown.count("<polyline") == 2
