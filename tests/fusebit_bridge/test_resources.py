"""No text that a person wrote leads a request, or the token for it, anywhere else."""

import re
from urllib.parse import unquote

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from fusebit_bridge.errors import InvalidName
from fusebit_bridge.resources import Account, BoundaryId, FunctionId, IssuerId, path_below
from tests.fusebit_bridge.conftest import ACCOUNT, SUBSCRIPTION

HOSTILE = [
    "", ".", "..", "../../other/function/f", "%2e%2e", "%2E%2E", "a/b", "a\\b", "a?x=", "a#", "a\n", "a\x00b", "a%00",
    "ä", "a b", "a;b", "a:b", "x" * 65, "\uff41", "a%2fb", "f\u202e", "-\n", "f ", " f",
]  # fmt: skip
BOUNDARY = Account.of(ACCOUNT).subscription(SUBSCRIPTION).boundary("b-0123456789abcdef")


def travels(url: str) -> bool:
    """Tell whether the HTTP library would send the URL as it is."""
    return requests.Request("GET", url).prepare().url == url


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_is_no_segment(text: str) -> None:
    for make in (
        BOUNDARY.function,
        BOUNDARY.function("f").build,
        Account.of(ACCOUNT).subscription(SUBSCRIPTION).boundary,
        Account.of(ACCOUNT).subscription,
        Account.of(ACCOUNT).user,
        Account.of,
    ):
        if make == BOUNDARY.function("f").build and len(text) == 65:
            continue  # as a build id this is a proper one
        with pytest.raises(InvalidName):
            make(text)


@given(st.text())
def test_only_the_contracts_pattern_makes_a_function_name(text: str) -> None:
    if re.fullmatch(r"[A-Za-z0-9\-]{1,64}", text):
        assert FunctionId(text) == text
    else:
        with pytest.raises(InvalidName):
            FunctionId(text)


@given(st.from_regex(r"[a-z0-9\-]{1,63}", fullmatch=True), st.from_regex(r"[A-Za-z0-9\-]{1,64}", fullmatch=True))
def test_every_path_that_can_be_made_travels_byte_for_byte(boundary: str, function: str) -> None:
    path = Account.of(ACCOUNT).subscription(SUBSCRIPTION).boundary(boundary).function(function)
    assert path.text.endswith(f"/boundary/{boundary}/function/{function}")
    assert path.resource == f"{path.text}/"
    assert travels(f"http://localhost:3001/v1{path.text}")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80))
def test_an_issuer_id_is_one_segment_that_travels_and_reads_back(text: str) -> None:
    try:
        path = Account.of(ACCOUNT).issuer(text)
    except InvalidName:
        assert not text.isprintable() or set(text) == {"."}
        return
    segment = path.text.removeprefix(f"/account/{ACCOUNT}/issuer/")
    assert "/" not in segment
    assert unquote(segment) == text
    assert travels(f"http://localhost:3001/v1{path.text}")


@pytest.mark.parametrize("text", ["", ".", "..", "x.system.fusebit.io", "a\nb", "a\x00", "x" * 513])
def test_an_issuer_id_that_is_reserved_or_folds_away_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        IssuerId(text)


@pytest.mark.parametrize("text", ["B-1", "b_1", "b.1", "x" * 64])
def test_a_boundary_id_is_lower_case_and_short(text: str) -> None:
    with pytest.raises(InvalidName):
        BoundaryId(text)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("", ""),
        ("/", "/"),
        ("greet", "/greet"),
        ("/greet/Ada Lovelace", "/greet/Ada%20Lovelace"),
        ("/ä", "/%C3%A4"),
        ("/a%2fb", "/a%2Fb"),
        ("/%7Ea%61", "/~aa"),
        ("/x?name=Ada&n=1", "/x?name=Ada&n=1"),
        ("?n=1", "?n=1"),
        ("/x?q=a b", "/x?q=a%20b"),
        ("/a//b", "/a//b"),
        ("/.well-known/x", "/.well-known/x"),
        ("/a/...", "/a/..."),
        ("/x?up=../..", "/x?up=../.."),
    ],
)
def test_a_path_below_a_function_is_sent_as_written_in_one_spelling(written: str, sent: str) -> None:
    assert path_below(written) == sent
    assert travels(f"http://localhost:3001/v1/run/s/b/f{sent}")


@pytest.mark.parametrize(
    "text",
    [
        "/..", "/../other", "/./x", "/a/..", "..", "%2e%2e/x", "/%2E%2e/x", "/.%2e/x", "/a%2f..%2fb", "/a\\..\\b",
        "/a%5c..", "/x#f", "/x\n", "/x\x00", "/%", "/%zz", "/\ud800",
    ],
)  # fmt: skip
def test_a_path_that_leaves_the_function_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        path_below(text)


@given(st.text(st.sampled_from("./\\%2eEfFa?&=# \x00ä;:@+~\ud800"), max_size=30))
def test_whatever_path_is_let_through_stays_below_the_function(text: str) -> None:
    try:
        below = path_below(text)
    except InvalidName:
        return
    base = "http://localhost:3001/v1/run/s/b/f"
    assert travels(base + below)
    assert {".", ".."}.isdisjoint(re.split(r"[/\\]", unquote(below.partition("?")[0])))
