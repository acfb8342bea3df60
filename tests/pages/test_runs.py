"""Runs as pages: narrowed and shared by the URL, one call explained, and sent again."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from tenants import selectors
from tenants.models import Run
from tenants.services import bodies, invocations, mirroring
from tenants.views import logs
from tests.cast import Cast

MANY = 120


def called(cast: Cast, **columns: object) -> Run:
    """A call of hello."""
    given = {"tenant": cast.tenant, "function": cast.hello, "function_name": "hello", "method": "GET", "status": 200}
    return Run.objects.create(**{**given, **columns})


def page(client: Client, address: str) -> str:
    """The text of a page, blanks folded."""
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def count(shown: str) -> int:
    """How many calls are listed."""
    return shown.count('class="row-link"')


def test_the_list_is_narrowed_by_its_address(ada: Client, cast: Cast, home_of: str) -> None:
    called(cast, path="/orders", status=500, cause="code_error", message="no luck", version_number=3)
    called(cast, method="POST", status=403, cause="auth_missing")
    called(cast, created_at=timezone.now() - timedelta(days=2))
    called(cast, function=None, function_name="helo", status=404, cause="not_found")
    yesterday = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")

    for query, wanted in {
        "": 4,
        "status=failed": 3,
        "status=5xx": 1,
        "cause=auth_missing": 1,
        "method=POST": 1,
        "version=3": 1,
        "function=hello": 3,
        "q=luck": 1,
        "q=/ord": 1,
        f"until={yesterday}": 1,
        f"since={yesterday}": 3,
        "status=nonsense": 4,
        "before=nonsense": 4,
    }.items():
        assert count(page(ada, f"{home_of}runs/?{query}")) == wanted, query
    assert count(page(ada, f"{home_of}functions/hello/runs/")) == 3


def test_a_long_list_comes_in_pages_that_do_not_overlap(ada: Client, cast: Cast, home_of: str) -> None:
    at = timezone.now()
    given = {"tenant": cast.tenant, "function": cast.hello, "function_name": "hello", "method": "GET"}
    Run.objects.bulk_create(Run(**given, path=f"/{number}", created_at=at) for number in range(MANY))

    seen: list[str] = []
    address = "?"
    while address:
        shown = ada.get(f"{home_of}functions/hello/runs/{address}")
        seen += [run.path for run in shown.context["runs"]]
        older = shown.context["older"]
        address = f"?before={older.replace('+', '%2B')}" if older else ""

    assert len(seen) == len(set(seen)) == MANY


def test_a_list_that_has_nothing_new_is_not_sent_again(ada: Client, cast: Cast, home_of: str) -> None:
    run = called(cast)
    address, htmx = f"{home_of}runs/?seen={run.pk}.", {"HX-Request": "true"}

    assert ada.get(address, headers=htmx).status_code == 204
    called(cast)
    again = ada.get(address, headers=htmx)
    assert again.status_code == 200
    assert "<html" not in again.content.decode()


def test_where_fusebit_cannot_be_asked_the_pages_say_so(ada: Client, cast: Cast, home_of: str) -> None:
    assert "Fusebit cannot be asked just now" in page(ada, f"{home_of}runs/")
    assert "Fusebit cannot be asked just now" in page(ada, f"{home_of}functions/hello/logs/")


def test_live_logs_begin_with_what_the_latest_calls_printed(
    ada: Client, cast: Cast, home_of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "standing", lambda _: mirroring.REPORTED)
    called(cast, remote_id="7", created_at=timezone.now() - timedelta(hours=1))
    assert 'data-after="0"' in page(ada, f"{home_of}functions/hello/logs/")

    for number in range(10, 30, 2):
        called(cast, remote_id=str(number))

    assert 'data-after="7"' in page(ada, f"{home_of}functions/hello/logs/")


def test_a_refused_call_says_whose_fault_it_is_and_which_statement_was_missing(
    ada: Client, cast: Cast, home_of: str
) -> None:
    run = called(
        cast,
        status=403,
        cause="auth_denied",
        missing={"action": "function:execute", "resource": "/account/a/function/hello/"},
        permissions=[{"action": "function:get", "resource": "/account/a/"}],
        caller={"issuerId": "ours", "subject": "local|ada"},
    )

    shown = page(ada, f"{home_of}runs/{run.pk}/")

    assert "This is down to the caller." in shown
    assert "does not hold <code>function:execute</code>" in shown
    assert "/account/a/function/hello/" in shown
    assert "local|ada" in shown


def test_a_call_whose_request_is_kept_can_be_looked_at_and_fills_the_panel(
    ada: Client, cast: Cast, home_of: str
) -> None:
    run = called(cast, status=500, cause="code_error")
    call = invocations.Call(
        method="POST", path="/orders", query=(("a", "1"),), headers=(("X-One", "1"),), body=b'{"order": 42}'
    )
    bodies.keep(
        run=run,
        request=call.as_json(),
        headers=[("X-Two", "2")],
        body=b'{"stack": "at /app/lib/a.js:7:3 <b>"}',
        for_long=False,
    )

    shown = page(ada, f"{home_of}runs/{run.pk}/")
    panel = page(ada, f"{home_of}functions/hello/?from={run.pk}")

    assert "&quot;order&quot;: 42" in shown
    assert "&lt;b&gt;" in shown
    assert "Open lib/a.js at line 7" in shown
    assert "?file=lib%2Fa.js&amp;line=7&amp;column=3" in shown
    assert ">Replay</button>" in shown
    assert 'value="/orders"' in panel
    assert 'value="a=1"' in panel
    assert "X-One: 1" in panel


@pytest.mark.parametrize("value", ["nonsense", "00000000-0000-0000-0000-000000000001", ""])
def test_a_panel_that_cannot_be_filled_is_empty(value: str, ada: Client, cast: Cast, home_of: str) -> None:
    page(ada, f"{home_of}functions/hello/?from={value}")


def test_a_stream_ends_with_the_session_and_with_the_membership(ada: Client, cast: Cast) -> None:
    request = RequestFactory().get("/")
    request.user, request.session = cast.ada, ada.session
    hello = selectors.function_or_404(cast.tenant, "hello")

    assert logs._may_still(request, hello)
    cast.tenant.memberships.filter(user=cast.ada).delete()
    assert not logs._may_still(request, hello)
    request.session.flush()
    assert not logs._may_still(request, hello)


def test_somebody_elses_call_does_not_exist(ada: Client, cast: Cast, home_of: str) -> None:
    theirs = Run.objects.create(tenant=cast.cy.tenants.get(), function_name="secret", method="GET")

    assert ada.get(f"{home_of}runs/{theirs.pk}/").status_code == 404
    assert "secret" not in page(ada, f"{home_of}runs/")


def test_a_call_without_a_kept_request_cannot_be_sent_again(ada: Client, cast: Cast, home_of: str) -> None:
    run = called(cast, status=500, cause="code_error")

    answer = ada.post(f"{home_of}runs/{run.pk}/replay/", {"version": 1}, follow=True)

    assert "there is nothing to send again" in answer.content.decode()


def test_what_a_fresh_call_printed_is_asked_for_until_fusebit_has_reported_it(
    ada: Client, cast: Cast, home_of: str
) -> None:
    fresh, old = called(cast), called(cast, created_at=timezone.now() - timedelta(minutes=1))

    assert "hx-trigger" in page(ada, f"{home_of}runs/{fresh.pk}/lines/")
    assert "hx-trigger" not in page(ada, f"{home_of}runs/{old.pk}/lines/")


def test_a_call_from_outside_says_why_it_has_no_body_and_asks_for_one(ada: Client, cast: Cast, home_of: str) -> None:
    run = called(cast, method="POST", path="/hook", status=500, cause="code_error", remote_id="7")

    shown = page(ada, f"{home_of}runs/{run.pk}/")

    assert "Fusebit never reports query, headers and bodies" in shown
    assert '<a class="button" data-kind="primary" href="#again">Replay with a body…</a>' in shown
    assert '<option value="POST" selected>POST</option>' in shown
    assert 'name="path" value="/hook"' in shown
    assert '<option value="anonymous" selected>' in shown


def test_a_body_that_cannot_be_sent_is_refused_at_the_field_and_stays(ada: Client, cast: Cast, home_of: str) -> None:
    run = called(cast, method="POST", path="/hook", remote_id="7")
    form = {"version": 1, "method": "POST", "path": "/hook", "body": '{"order": 42'}

    answer = ada.post(f"{home_of}runs/{run.pk}/replay/", form)

    assert answer.status_code == 422
    assert "This is not JSON" in answer.content.decode()
    assert "{&quot;order&quot;: 42" in answer.content.decode()


def test_the_call_of_a_schedule_is_replayed_as_a_post_of_the_person(ada: Client, cast: Cast, home_of: str) -> None:
    run = called(cast, method="CRON", kind="cron", remote_id="7")

    shown = page(ada, f"{home_of}runs/{run.pk}/")

    assert '<option value="POST" selected>POST</option>' in shown
    assert '<option value="me" selected>' in shown


def test_ten_thousand_calls_need_as_few_queries_as_ten(
    ada: Client, cast: Cast, home_of: str, django_assert_max_num_queries: Callable[..., object]
) -> None:
    given = {"tenant": cast.tenant, "function": cast.hello, "function_name": "hello", "method": "GET"}
    Run.objects.bulk_create(Run(**given, status=200) for _ in range(300))

    for path in ("runs/", "functions/hello/runs/", f"runs/{Run.objects.first().pk}/", "functions/hello/logs/"):
        with django_assert_max_num_queries(12):
            page(ada, home_of + path)


def test_what_a_function_used_in_a_day_is_counted(ada: Client, cast: Cast, home_of: str) -> None:
    for number in range(1, 101):
        called(cast, duration_ms=number, cpu_ms=100, cause="timeout" if number > 98 else "")
    called(cast, duration_ms=9_000, created_at=timezone.now() - timedelta(days=2))

    shown = page(ada, f"{home_of}functions/hello/runs/")

    for words in ("<dd>100</dd>", "<dd>2</dd>", "<dd>51 ms</dd>", "<dd>96 ms</dd>", "<dd>10 s</dd>"):
        assert words in shown, words
