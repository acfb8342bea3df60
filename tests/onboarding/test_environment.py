"""Configuration is read once, typed, and refused in words when it makes no sense."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from onboarding.environment import Environment, read_settings_file


def test_a_boolean_is_one_of_the_known_words() -> None:
    env = Environment({"A": "1", "B": "off", "C": "maybe"})

    assert env.boolean("A")
    assert not env.boolean("B", default=True)
    assert env.boolean("ABSENT", default=True)
    with pytest.raises(ImproperlyConfigured, match="C must be 1 or 0"):
        env.boolean("C")


@pytest.mark.parametrize("value", ["many", "-1", "nan-ish"])
def test_a_number_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="RATE"):
        Environment({"RATE": value}).number("RATE", 1)


@pytest.mark.parametrize("value", ["app.example.com", "ftp://a", "https://a/path", "https://", "https://a?x=1"])
def test_an_origin_is_scheme_and_host(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="SITE_URL"):
        Environment({"SITE_URL": value}).origin("SITE_URL", "")


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    env = Environment({"KEY_FILE": str(file), "GONE_FILE": str(tmp_path / "gone")})

    assert env.secret("KEY") == "s3cret"
    with pytest.raises(ImproperlyConfigured, match="GONE_FILE"):
        env.secret("GONE")


def test_a_secret_for_later_shows_nothing_of_itself() -> None:
    later = Environment({"KEY": "s3cret"}).later("KEY")

    assert "s3cret" not in repr(later)
    assert later.read() == "s3cret"


def test_a_settings_file_is_names_and_values(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("# a comment\nA=1\n B = x=y \nnothing\n")

    assert read_settings_file(file) == {"A": "1", "B": "x=y"}
    assert read_settings_file(tmp_path / "absent") == {}


@pytest.mark.parametrize("value", ["https://a b", "https://user@app.example.com", "https://a:x", "https://a#f", "//a"])
def test_an_origin_has_nothing_else_in_it(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="SITE_URL"):
        Environment({"SITE_URL": value}).origin("SITE_URL", "")


def test_an_origin_may_have_a_port_and_loses_its_slash() -> None:
    assert Environment({"SITE_URL": "http://127.0.0.1:8000/"}).origin("SITE_URL", "") == "http://127.0.0.1:8000"


def test_a_file_that_is_not_text_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ImproperlyConfigured, match="not text"):
        read_settings_file(file)
    with pytest.raises(ImproperlyConfigured, match="KEY_FILE"):
        Environment({"KEY_FILE": str(file)}).secret("KEY")


def test_the_names_that_were_asked_for_are_known() -> None:
    env = Environment({})
    env.text("A")
    env.secret("B")
    env.later("C")

    assert env.names == {"A", "B", "B_FILE", "C", "C_FILE"}
