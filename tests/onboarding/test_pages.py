"""What every answer of the site has in common, and the pages for when something goes wrong."""

import logging

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.test import Client
from django.urls import path

from onboarding import urls
from onboarding.logs import MARK

pytestmark = pytest.mark.django_db


def explode(_request: object) -> None:
    raise RuntimeError("token=abcdefghijklmnop")


class Broken:
    """URLs of the site, and one that breaks."""

    urlpatterns = [path("explode/", explode), *urls.urlpatterns]
    handler500 = urls.handler500
    handler404 = urls.handler404
    handler403 = urls.handler403
    handler400 = urls.handler400


@pytest.fixture
def ada() -> Client:
    client = Client()
    client.force_login(User.objects.create(username="local|1"), backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_a_visitor_of_the_other_loopback_name_is_sent_to_the_one_of_the_cookies(client: Client) -> None:
    answer = client.get("/login/?next=/x", HTTP_HOST="localhost:8000")

    assert answer.status_code == 302
    assert answer["Location"] == "http://127.0.0.1:8000/login/?next=/x"


def test_a_host_that_is_not_ours_is_refused_with_a_page(client: Client) -> None:
    answer = client.get("/login/", HTTP_HOST="evil.example")

    assert answer.status_code == 400
    assert "Reference" in answer.content.decode()


def test_a_request_id_is_taken_over_when_it_is_a_plain_one(client: Client) -> None:
    given = "0123456789abcdef"

    assert client.get("/healthz", headers={"X-Request-Id": given})["X-Request-Id"] == given
    assert client.get("/healthz", headers={"X-Request-Id": "a b\t<c>"})["X-Request-Id"] not in {"", "a b\t<c>"}


def test_pages_are_kept_out_of_caches_frames_and_sensors(ada: Client) -> None:
    answer = ada.get("/nowhere/")

    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]
    assert answer["X-Frame-Options"] == "DENY"
    assert "camera=()" in answer["Permissions-Policy"]
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_what_does_not_exist_is_a_page_with_the_reference_of_the_answer(ada: Client) -> None:
    answer = ada.get("/nowhere/")

    assert answer.status_code == 404
    assert answer["X-Request-Id"] in answer.content.decode()


def test_what_breaks_is_a_page_and_a_redacted_line_under_one_reference(
    settings: object, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ROOT_URLCONF = Broken
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create(username="local|1"), backend="django.contrib.auth.backends.ModelBackend")
    lines = Lines()
    logging.getLogger().addHandler(lines)

    answer = client.get("/explode/")

    logging.getLogger().removeHandler(lines)
    assert answer.status_code == 500
    assert answer["X-Request-Id"] in answer.content.decode()
    (line,) = [line for line in lines.written if "Internal Server Error" in line]
    assert answer["X-Request-Id"] in line
    assert "abcdefghijklmnop" not in line
    assert MARK in line


class Lines(logging.Handler):
    """Writes as the console does."""

    def __init__(self) -> None:
        super().__init__()
        console = logging.getLogger().handlers[0]
        self.setFormatter(console.formatter)
        self.addFilter(console.filters[0])
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(self.format(record))


def test_a_form_from_elsewhere_is_refused_with_a_page() -> None:
    answer = Client(enforce_csrf_checks=True).post("/auth/login/local/")

    assert answer.status_code == 403
    assert "open for too long" in answer.content.decode()


def test_health_needs_nothing_and_readiness_needs_the_database(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}

    class Gone:
        def cursor(self) -> None:
            raise DatabaseError

    monkeypatch.setattr("onboarding.views.connection", Gone())
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "unreachable"}


def test_the_favicon_of_habit_leads_to_the_real_one(client: Client) -> None:
    assert client.get("/favicon.ico")["Location"].endswith("favicon.svg")


def test_a_page_without_a_session_leads_to_the_sign_in(client: Client) -> None:
    assert client.get("/nowhere/").status_code == 404
    assert client.get("/")["Location"] == "/login/?next=/"


def test_somebody_who_is_signed_in_does_not_see_the_sign_in_page(ada: Client) -> None:
    assert ada.get("/login/")["Location"] == "/"
    assert ada.get("/login/?next=/t/x/")["Location"] == "/t/x/"
    assert ada.get("/login/?next=//evil.example")["Location"] == "/"
