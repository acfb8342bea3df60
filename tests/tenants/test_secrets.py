"""Secrets go in and are used; they never come out again, and are part of the version that used them."""

import base64
import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusebit_bridge import door
from tenants.errors import InvalidInput
from tenants.models import AuditEvent, FunctionVersion, Secret
from tenants.services import configuration, deployments, functions, secrets
from tests.cast import Cast

KEY = "sk_live_51HxQ2eZvKYlo2C"


def patch(cast: Cast, **values: str | None) -> FunctionVersion:
    return configuration.patch(function=cast.hello, author=cast.ada, secret=values)


def test_a_secret_is_a_version_of_its_own_and_the_files_stay(cast: Cast) -> None:
    version = patch(cast, STRIPE_KEY=KEY)

    assert (version.number, version.message) == (2, "Set secret STRIPE_KEY")
    assert version.files == cast.hello.versions.get(number=1).files
    assert secrets.of_version(version) == {"STRIPE_KEY": KEY}
    assert secrets.of_version(cast.hello.versions.get(number=1)) == {}


def test_a_patch_of_one_key_never_drops_the_others(cast: Cast) -> None:
    patch(cast, ONE="first value", TWO="second value")
    configuration.patch(function=cast.hello, author=cast.ada, plain={"MODE": "fast"})

    patch(cast, TWO=None, THREE="third value")

    latest = cast.hello.latest
    assert secrets.environment(latest) == {"MODE": "fast", "ONE": "first value", "THREE": "third value"}


def test_an_old_version_still_has_the_value_that_it_ran_with(cast: Cast) -> None:
    old = patch(cast, TOKEN="the old value")
    patch(cast, TOKEN="the new value")

    assert deployments.specification(old)["configuration"] == {"TOKEN": "the old value"}
    assert deployments.specification(cast.hello.latest)["configuration"] == {"TOKEN": "the new value"}


def test_saving_code_keeps_the_secrets(cast: Cast) -> None:
    patch(cast, TOKEN="a value of mine")

    change = functions.Change(files={"index.js": "module.exports = async () => ({});"})
    version = functions.save(function=cast.hello, change=change, base_version=2, author=cast.ada)

    assert secrets.of_version(version) == {"TOKEN": "a value of mine"}


def test_a_patch_that_changes_nothing_makes_no_version(cast: Cast) -> None:
    configuration.patch(function=cast.hello, author=cast.ada, plain={"MODE": "fast"})

    configuration.patch(function=cast.hello, author=cast.ada, plain={"MODE": "fast", "OTHER": None})

    assert cast.hello.latest.number == 2


def test_nothing_in_the_database_or_the_audit_trail_shows_the_value(cast: Cast) -> None:
    patch(cast, TOKEN=KEY)

    rows = [*Secret.objects.values(), *FunctionVersion.objects.values(), *AuditEvent.objects.values()]
    assert KEY not in repr(rows)
    assert base64.b64encode(KEY.encode()).decode()[:12] not in repr(rows)
    assert AuditEvent.objects.filter(action="configuration.changed").get().detail["names"] == ["TOKEN"]


def test_a_ciphertext_moved_to_another_row_does_not_open(cast: Cast) -> None:
    version = patch(cast, ONE="first value", TWO="second value")
    one, two = Secret.objects.order_by("name")
    Secret.objects.filter(pk=two.pk).update(sealed=one.sealed)

    with pytest.raises(door.CannotDecrypt):
        secrets.of_version(version)


@pytest.mark.parametrize(
    "name",
    [
        *("NODE_OPTIONS", "node_options", "LD_PRELOAD", "PATH", "__proto__", "constructor", "FUSEBIT_TOKEN"),
        *("npm_config_registry", "1A", "A-B", "A=B", "A\n", "\u0410", "A" * 65, "", "A B", "A\u200b", "\uff21"),
    ],
)
def test_a_name_that_something_else_would_obey_is_refused(cast: Cast, name: str) -> None:
    for kind in ("plain", "secret"):
        with pytest.raises(InvalidInput):
            configuration.patch(function=cast.hello, author=cast.ada, **{kind: {name: "long enough"}})
    assert cast.hello.latest.number == 1


@pytest.mark.parametrize("value", ["", "abc", "   a   ", "x" * 8001, "nul\x00byte", "\ud800 lone"])
def test_a_value_that_could_not_be_kept_or_masked_is_refused(cast: Cast, value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        patch(cast, TOKEN=value)
    assert refused.value.field == "TOKEN"


def test_a_name_is_either_plain_or_secret(cast: Cast) -> None:
    configuration.patch(function=cast.hello, author=cast.ada, plain={"MODE": "fast"})

    with pytest.raises(InvalidInput, match="MODE cannot be both"):
        patch(cast, MODE="secret mode")
    version = configuration.patch(
        function=cast.hello, author=cast.ada, plain={"MODE": None}, secret={"MODE": "secret mode"}
    )
    assert secrets.environment(version) == {"MODE": "secret mode"}


def test_names_are_counted(cast: Cast) -> None:
    many = {f"NAME_{number}": "value" for number in range(configuration.MOST_NAMES)}
    configuration.patch(function=cast.hello, author=cast.ada, plain=many)

    with pytest.raises(InvalidInput, match="at most 100"):
        patch(cast, ONE_MORE="value")


@pytest.mark.parametrize(
    "spelled",
    [
        KEY,
        f"Bearer {KEY}.",
        json.dumps({"key": KEY}),
        base64.b64encode(KEY.encode()).decode(),
        KEY.encode().hex(),
        f"https://api.example.com/?key={KEY}&x=1",
    ],
)
def test_a_secret_is_masked_however_it_is_spelled(spelled: str) -> None:
    masked = secrets.Mask([("STRIPE_KEY", KEY)])(spelled)

    assert KEY not in masked
    assert "•••(STRIPE_KEY)" in masked


def test_lines_of_a_long_secret_are_masked_alone_and_the_longest_match_wins() -> None:
    pem = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END KEY-----"
    mask = secrets.Mask([("PEM", pem), ("SHORT", "MIIE"), ("LONG", "MIIEvQIBADANBgkqhkiG9w0BAQ")])

    assert mask("line: MIIEvQIBADANBgkqhkiG9w0") == "line: •••(PEM)"
    assert mask("MIIEvQIBADANBgkqhkiG9w0BAQ MIIE") == "•••(LONG) •••(SHORT)"
    assert mask("nothing here") == "nothing here"


@given(
    st.dictionaries(st.from_regex(r"[A-Z]{1,8}", fullmatch=True), st.from_regex(r"[a-z0-9+/=. ]{4,40}", fullmatch=True))
)
def test_no_secret_survives_masking(values: Mapping[str, str]) -> None:
    text = "|".join(f"{value}{value}" for value in values.values())

    masked = secrets.Mask(values.items())(text)

    assert not any(value in masked for value in values.values())


def test_what_was_replaced_stays_masked(cast: Cast) -> None:
    patch(cast, TOKEN="the old value")
    patch(cast, TOKEN="the new value")

    mask = secrets.mask_of(cast.hello)

    assert mask("the old value, the new value") == "•••(TOKEN), •••(TOKEN)"


def test_what_is_saved_and_not_live_is_pending(cast: Cast) -> None:
    assert configuration.pending(cast.hello) is None  # nothing is live
    deployment = cast.hello.deployment
    deployment.live_version = cast.hello.latest
    deployment.save()

    patch(cast, TOKEN="a value of mine")
    waiting = configuration.pending(cast.hello)

    assert waiting == configuration.Pending(live=1, latest=2, names=("TOKEN",))
