"""The test panel: what can be sent, and how an answer is shown."""

import pytest
from django.template.loader import render_to_string
from django.test import Client

from tenants.forms import CallForm
from tenants.models import Deployment, Run, Tenant
from tenants.services import catalogue
from tenants.services.invocations import Outcome
from tenants.views import answers
from tests.cast import Cast

FORM = {"method": "POST", "path": "/orders", "query": "?a=1&b=&a=2", "headers": "X-One: 1\n\nX-Two:  two: 2 "}


def shown(body: bytes, **columns: object) -> str:
    """The answer as the page shows it."""
    run = Run(status=200, duration_ms=12.4, size=len(body), version_number=3, **columns)
    return render_to_string(
        "tenants/_result.html",
        {
            "run": run,
            "answer": answers.readable(Outcome(run, [("Content-Type", "text/html")], body)),
            "explanation": catalogue.explain(run.cause),
            "tenant": Tenant(slug="ada"),
        },
    )


def test_query_and_headers_are_read_as_people_write_them() -> None:
    form = CallForm({**FORM, "body": '{"order": 42}'})

    assert form.is_valid(), form.errors
    call = form.call()
    assert call.query == (("a", "1"), ("b", ""), ("a", "2"))
    assert call.headers == (("X-One", "1"), ("X-Two", "two: 2"))
    assert call.body == b'{"order": 42}'


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("method", "TRACE", "valid choice"),
        ("headers", "no colon", "one header a line"),
        ("body", "{", "This is not JSON"),
        ("body", "[" * 100_000, "This is not JSON"),
        ("query", "&".join("a=1" for _ in range(300)), "name=value"),
    ],
)
def test_what_cannot_be_sent_is_refused_at_the_field(field: str, value: str, reason: str) -> None:
    form = CallForm({**FORM, "body": "", field: value})

    assert not form.is_valid()
    assert reason in form.errors[field][0]


def test_a_body_that_names_its_own_type_may_be_anything() -> None:
    assert CallForm({**FORM, "headers": "Content-Type: text/plain", "body": "{"}).is_valid()


def test_json_is_indented_and_letters_stay_letters() -> None:
    assert "{\n  &quot;hello&quot;: &quot;Zoë&quot;\n}" in shown('{"hello":"Zoë"}'.encode())


def test_html_from_a_function_is_only_ever_text() -> None:
    page = shown(b"<script>alert(1)</script><img src=x onerror=alert(1)>")

    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


def test_bytes_that_are_not_text_are_not_shown() -> None:
    assert "The body is not text" in shown(b"\xff\xfe\x00")
    assert "The body is empty" in shown(b"")


def test_a_huge_answer_is_cut_and_says_so() -> None:
    page = shown(b"x" * 3_000_000)

    assert len(page) < 300_000
    assert "Cut here" in page


def test_a_failed_run_says_what_happened_and_what_to_do() -> None:
    page = shown(b"{}", cause="timeout", reference_id="ref-3")

    assert "took too long" in page
    assert "ref-3" in page


def test_every_cause_has_words() -> None:
    codes = (
        "code_error timeout memory cpu build_failed auth_missing auth_denied rate_limited quota too_large not_found"
        " egress_blocked suspended platform"
    )

    assert set(codes.split()) == set(catalogue.CAUSES)
    assert all(cause.title and cause.whose and cause.meaning and cause.fix for cause in catalogue.CAUSES.values())


@pytest.mark.parametrize("htmx", [False, True])
def test_running_what_is_not_live_says_so(htmx: bool, ada: Client, cast: Cast, home_of: str) -> None:
    Deployment.objects.update(live_version=None)

    answer = ada.post(
        f"{home_of}functions/hello/run/", {"method": "GET"}, headers={"HX-Request": "true"} if htmx else {}
    )

    assert answer.status_code == 200
    assert "No version of this function is live yet." in answer.content.decode()
    assert ("<html" in answer.content.decode()) is not htmx


def test_when_fusebit_cannot_be_asked_the_page_says_so_and_lists_the_run(ada: Client, home_of: str) -> None:
    answer = ada.post(f"{home_of}functions/hello/run/", {"method": "GET"})

    assert answer.status_code == 200
    assert "There was no answer." in answer.content.decode()
    assert Run.objects.get().cause == "platform"


def test_a_request_is_kept_by_name_fills_the_panel_and_can_be_deleted(ada: Client, cast: Cast, home_of: str) -> None:
    panel, htmx = f"{home_of}functions/hello/", {"HX-Request": "true"}
    form = {**FORM, "body": '{"order": 42}', "identity": "chosen", "actions": ["get"], "case": "An order"}

    kept = ada.post(f"{panel}cases/", form, headers=htmx).content.decode()
    case = cast.hello.cases.get()
    filled = ada.get(f"{panel}panel/?case={case.pk}", headers=htmx).content.decode()

    assert "An order" in kept
    assert case.author == cast.ada
    assert 'value="/orders"' in filled
    assert "{&quot;order&quot;: 42}" in filled
    assert '<option value="chosen" selected>' in filled
    assert 'value="get" checked' in filled
    assert ada.get(f"{panel}panel/?case={case.pk}").url == f"{panel}?case={case.pk}#test"
    ada.post(f"{panel}cases/{case.pk}/forget/", headers=htmx)
    assert not cast.hello.cases.exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"case": ""}, "Give the request a name."),
        ({"case": "x" * 81}, "At most 80"),
        ({"case": "x", "body": "{"}, "needs another look"),
    ],
)
def test_a_request_that_cannot_be_kept_says_why(
    wrong: dict[str, str], words: str, ada: Client, cast: Cast, home_of: str
) -> None:
    answer = ada.post(f"{home_of}functions/hello/cases/", {**FORM, "body": "", **wrong}, headers={"HX-Request": "true"})

    assert answer.status_code == 422
    assert words in answer.content.decode()
