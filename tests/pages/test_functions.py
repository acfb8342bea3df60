"""The list of functions: create, learn from an empty one, delete."""

import pytest
from django.test import Client
from django.utils import timezone

from tenants.models import Deployment, Function
from tests.cast import Cast


def test_the_list_shows_each_function_with_where_it_stands(ada: Client, home_of: str) -> None:
    shown = ada.get(f"{home_of}functions/").content.decode()

    assert "hello" in shown
    assert "Live v1" in shown
    assert "Closed" in shown


def test_an_empty_list_teaches(ada: Client, cast: Cast, home_of: str) -> None:
    Function.objects.update(deleted_at=timezone.now())

    shown = ada.get(f"{home_of}functions/").content.decode()

    assert "No functions yet" in shown
    assert "module.exports" in shown


@pytest.mark.parametrize(("template", "expected"), [("hello", "Ada"), ("blank", "ctx.method")])
def test_a_new_function_opens_in_the_editor(
    template: str, expected: str, ada: Client, cast: Cast, home_of: str
) -> None:
    answer = ada.post(f"{home_of}functions/", {"name": "order-created", "template": template})

    assert answer.url == f"{home_of}functions/order-created/"
    made = Function.objects.get(name="order-created")
    assert made.tenant == cast.tenant
    assert expected in made.latest.files["index.js"]
    assert made.latest.security["authentication"] == "required"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "Give the function a name."),
        ("no spaces", "Use letters, digits and hyphens"),
        ("h\u0435llo", "Use letters, digits and hyphens"),  # a Cyrillic letter
        ("../up", "Use letters, digits and hyphens"),
        ("x" * 65, "at most 64 characters"),
        ("hello", "There is a function called hello already."),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_at_the_field(name: str, reason: str, ada: Client, home_of: str) -> None:
    answer = ada.post(f"{home_of}functions/", {"name": name, "template": "blank"})

    assert answer.status_code == 422
    assert reason in answer.content.decode()


def test_a_name_is_taken_without_the_blanks_around_it(ada: Client, home_of: str) -> None:
    answer = ada.post(f"{home_of}functions/", {"name": " pasted\n", "template": "blank"})

    assert answer.url == f"{home_of}functions/pasted/"


def test_deleting_asks_for_the_name(ada: Client, cast: Cast, home_of: str) -> None:
    page = f"{home_of}functions/hello/delete/"
    assert ada.post(page, {"name": "helo"}).status_code == 422
    assert not Deployment.objects.get(function=cast.hello).absent

    answer = ada.post(page, {"name": "hello"})

    assert answer.url == f"{home_of}functions/"
    assert Deployment.objects.get(function=cast.hello).absent
    assert "hello is being deleted." in ada.get(answer.url).content.decode()


def test_deploying_an_older_version_makes_it_the_wanted_one(ada: Client, cast: Cast, home_of: str) -> None:
    page = f"{home_of}functions/hello/"
    form = {"base_version": 1, "path": ["index.js"], "content": ["module.exports = async (ctx) => ({});"]}
    ada.post(page, form)
    assert Deployment.objects.get(function=cast.hello).version.number == 2

    answer = ada.post(f"{page}deploy/", {"version": 1})

    assert answer.url == page
    assert Deployment.objects.get(function=cast.hello).version.number == 1
    assert ada.post(f"{page}deploy/", {"version": 7}).status_code == 404
