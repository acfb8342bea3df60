"""What differs between two states of a function, in words, and how two edits are put together."""

import pytest

from tenants.services import comparisons, live, merging
from tenants.services.comparisons import Content, SettingChange
from tenants.services.starters import CLOSED


def test_configuration_is_compared_by_name_and_no_value_is_shown() -> None:
    before = Content(configuration={"KEPT": "a", "GONE": "secret-1", "OTHER": "secret-2"})
    after = Content(configuration={"KEPT": "a", "OTHER": "secret-3", "NEW": "secret-4"})

    changes = comparisons.settings_between(before, after)

    assert [(change.area, change.after) for change in changes] == [
        ("Configuration GONE", "removed"),
        ("Configuration NEW", "added"),
        ("Configuration OTHER", "changed"),
    ]
    assert "secret" not in str(changes)


def test_who_may_call_is_said_in_words_both_ways() -> None:
    opened = comparisons.settings_between(Content(security=CLOSED), Content())
    closed = comparisons.settings_between(Content(), Content(security=CLOSED))

    token = "Callers need a token that may do function:execute on this function."
    assert opened == [SettingChange("Who may call", token, "Anybody who knows the URL may call it.")]
    assert closed == [SettingChange("Who may call", "Anybody who knows the URL may call it.", token)]


@pytest.mark.parametrize(
    ("columns", "area", "words"),
    [
        ({"schedule": {"cron": "0 9 * * *"}}, "Schedule", "Runs by itself at 0 9 * * * (UTC)."),
        ({"compute": {"memorySize": 256}}, "Limits", "256 MB of memory, 30 s for each call."),
        ({"routes": [{"path": "/hook", "security": {"authentication": "none"}}]}, "Route /hook", "Anybody"),
        (
            {"security": {"functionPermissions": {"allow": [{"action": "storage:*", "resource": "/account/a/"}]}}},
            "What the code may do",
            "do storage:* on /account/a/",
        ),
    ],
)
def test_each_setting_has_words(columns: dict[str, object], area: str, words: str) -> None:
    (change,) = comparisons.settings_between(Content(), Content(**columns))  # type: ignore[arg-type]

    assert change.area == area
    assert change.after.startswith(words)


def test_what_fusebit_adds_by_itself_is_no_difference() -> None:
    answered = {
        "id": "hello",
        "nodejs": {"files": {"index.js": "1", "package.json": {"engines": {}}}},
        "compute": {"memorySize": 128, "timeout": 30, "staticIp": False},
        "security": {"authentication": "none"},
        "routes": [],
        "runtime": {"tags": {}},
    }

    seen = live.snapshot_of(answered)

    assert seen.files == {"index.js": "1", "package.json": '{\n  "engines": {}\n}'}
    assert comparisons.settings_between(Content(), seen) == []


BASE = "one\ntwo\nthree\nfour\nfive\n"


@pytest.mark.parametrize(
    ("mine", "theirs", "kind", "merged"),
    [
        ({"f": BASE}, {"f": "x\n" + BASE}, "theirs", "x\n" + BASE),
        ({"f": "x\n" + BASE}, {"f": BASE}, "mine", "x\n" + BASE),
        ({"f": "one!\n" + BASE[4:]}, {"f": BASE + "six\n"}, "both", "one!\n" + BASE[4:] + "six\n"),
        ({"f": "mine\n" + BASE[4:]}, {"f": "theirs\n" + BASE[4:]}, "clash", "mine\n" + BASE[4:]),
        ({"f": "mine\n"}, {}, "clash", "mine\n"),
        ({}, {"f": "theirs\n"}, "clash", "theirs\n"),
        ({}, {"f": BASE}, "mine", None),
        ({"f": BASE}, {}, "theirs", None),
    ],
)
def test_two_edits_are_put_together_and_nothing_is_thrown_away(
    mine: dict[str, str], theirs: dict[str, str], kind: str, merged: str | None
) -> None:
    (file,) = merging.merge(base={"f": BASE}, mine=mine, theirs=theirs)

    assert (file.kind, file.merged) == (kind, merged)


def test_files_that_are_the_same_on_both_sides_are_not_listed() -> None:
    assert merging.merge(base={"f": BASE}, mine={"f": "same\n"}, theirs={"f": "same\n"}) == []
