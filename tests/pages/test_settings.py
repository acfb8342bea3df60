"""Settings of a function: a version like any other, refused at the field, never over somebody else's."""

from typing import Any

import pytest
from django.test import Client

from tenants.models import Function, FunctionVersion
from tenants.services import functions, starters
from tenants.settings_forms import SettingsForm
from tests.cast import Cast
from tests.pages.conftest import SignedIn

ROUTES = {"route-TOTAL_FORMS": 2, "route-INITIAL_FORMS": 0}
GIVEN = {"base_version": 1, "callers": "closed", "memory": 128, "timeout": 30, **ROUTES}


@pytest.fixture
def address(cast: Cast, home_of: str) -> str:
    """The page."""
    return f"{home_of}functions/hello/settings/"


def test_saving_what_is_shown_changes_nothing_but_the_number(ada: Client, cast: Cast, address: str) -> None:
    before = cast.hello.latest
    shown = SettingsForm.initial_of(before)

    assert ada.post(address, {**shown, **ROUTES}).status_code == 302

    after = cast.hello.latest
    assert after.number == 2
    for name in ("files", "configuration", "compute", "schedule", "security", "routes"):
        assert getattr(after, name) == getattr(before, name), name


def test_every_setting_is_part_of_the_next_version(ada: Client, cast: Cast, address: str) -> None:
    form = GIVEN | {
        "callers": "account",
        "grants": "storage:* /account/a/storage/x/",
        "origins": "https://shop.example.com\nhttp://localhost:3000/",
        "cron": "0 9 * * 1-5",
        "timezone": "Europe/Berlin",
        "memory": 256,
        "timeout": 60,
        "route-0-path": "/hook",
        "route-0-rule": "public",
        "route-1-path": "/work",
        "route-1-rule": "same",
        "route-1-task": "on",
    }

    assert ada.post(address, form).status_code == 302

    saved = cast.hello.latest
    assert saved.security == {
        "authentication": "required",
        "functionPermissions": {"allow": [{"action": "storage:*", "resource": "/account/a/storage/x/"}]},
    }
    assert saved.configuration == {"ALLOWED_ORIGINS": "https://shop.example.com,http://localhost:3000"}
    assert saved.schedule == {"cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"}
    assert saved.compute == {"memorySize": 256, "timeout": 60}
    assert saved.routes == [{"path": "/hook", "security": {"authentication": "none"}}, {"path": "/work", "task": {}}]
    shown = ada.get(address).content.decode()
    assert "(Europe/Berlin)" in shown
    assert shown.count("<time datetime=") == 3


def test_a_rule_that_was_made_elsewhere_stays_unless_another_is_chosen(ada: Client, cast: Cast, address: str) -> None:
    custom: dict[str, Any] = {"authentication": "required", "authorization": [{"action": "x:y", "resource": "/a/"}]}
    change = functions.Change(
        files=cast.hello.latest.files, security=custom, routes=[{"path": "/a", "security": custom}]
    )
    functions.save(function=cast.hello, change=change, base_version=1, author=cast.ada)
    form = GIVEN | {"base_version": 2, "callers": "custom", "route-0-path": "/a", "route-0-rule": "custom"}

    assert "As it is: made elsewhere" in ada.get(address).content.decode()
    assert ada.post(address, form).status_code == 302

    assert (cast.hello.latest.security, cast.hello.latest.routes[0]["security"]) == (custom, custom)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"cron": "every day"}, "Write five fields"),
        ({"cron": "61 * * * *"}, "This is not a cron expression"),
        ({"cron": "0 0 31 2 *"}, "This"),
        ({"cron": "0 9 * * *", "timezone": "Mars/Base"}, "There is no such time zone"),
        ({"timezone": "Europe/Berlin"}, "A time zone needs a schedule."),
        ({"memory": 63}, "64"),
        ({"timeout": 901}, "900"),
        ({"grants": "storage:*"}, "Write an action and a resource"),
        ({"origins": "shop.example.com"}, "is not an origin"),
        ({"route-0-path": "hook"}, "A path begins with /"),
        ({"route-0-path": "/a", "route-1-path": "/a"}, "A path is there twice."),
        ({"callers": "nobody"}, "valid choice"),
    ],
)
def test_what_cannot_be_is_refused_at_the_field(
    wrong: dict[str, Any], words: str, ada: Client, cast: Cast, address: str
) -> None:
    answer = ada.post(address, GIVEN | wrong)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert cast.hello.latest.number == 1


def test_settings_are_never_saved_over_somebody_elses_version(ada: Client, cast: Cast, address: str) -> None:
    change = functions.Change(files=cast.hello.latest.files, schedule={"cron": "@daily"})
    functions.save(function=cast.hello, change=change, base_version=1, author=cast.cy)

    answer = ada.post(address, GIVEN | {"memory": 512})

    assert answer.status_code == 412
    assert 'value="512"' in answer.content.decode()
    assert cast.hello.latest.number == 2


def test_the_next_runs_are_shown_while_typing(ada: Client, cast: Cast, address: str) -> None:
    shown = ada.get(f"{address}schedule/", {"cron": "0 9 * * *", "timezone": "Asia/Tokyo"}).content.decode()

    assert shown.count(", 09:00:00<") == 3
    assert "(Asia/Tokyo)" in shown
    assert "not a cron" in ada.get(f"{address}schedule/", {"cron": "a b c d e"}).content.decode()


def test_what_is_said_about_a_function_is_no_version(ada: Client, cast: Cast, address: str) -> None:
    form = {"description": "Greets people", "tags": "shop, mail shop", "keeps_bodies": "on"}

    assert ada.post(f"{address}about/", form).status_code == 302

    hello = Function.objects.get(pk=cast.hello.pk)
    assert (hello.description, hello.tags, hello.keeps_bodies) == ("Greets people", ["mail", "shop"], True)
    assert FunctionVersion.objects.filter(function=hello).count() == 1
    assert ada.post(f"{address}about/", {"tags": "<b>"}).status_code == 422


def test_a_viewer_sees_settings_and_may_not_change_them(cast: Cast, signed_in: SignedIn, address: str) -> None:
    shown = signed_in(cast.ben).get(address).content.decode()

    assert "disabled" in shown
    assert "Save only" not in shown
    assert cast.hello.latest.security == starters.CLOSED
