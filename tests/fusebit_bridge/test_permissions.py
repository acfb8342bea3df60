"""One statement covers another exactly as Fusebit itself decides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusebit_bridge.permissions import Statement, action_covers, allow_list, allows, parse


@pytest.mark.parametrize(
    ("granted", "wanted", "covered"),
    [
        ("*", "user:add", True),
        ("function:*", "function:put", True),
        ("function:*", "function:put:x", True),
        ("function:*", "*", False),
        ("function:*", "function", False),
        ("function", "function:put", False),
        ("function:get", "function:*", False),
        ("function:p*", "function:put", False),
        ("registry:*", "registry-config:put", False),
        ("global:*", "global:add:account", True),
    ],
)
def test_actions_match_segment_by_segment(granted: str, wanted: str, covered: bool) -> None:
    assert action_covers(granted, wanted) is covered


@pytest.mark.parametrize(
    ("granted", "wanted", "covered"),
    [
        ("/b/mine", "/b/mine/", True),
        ("b/mine", "/b/mine/function/f", True),
        ("/b/mine", "/b/mine2/", False),
        ("/b/mine/function/f", "/b/mine/", False),
        ("/b/mine", "/B/mine", False),
    ],
)
def test_a_grant_covers_what_begins_with_it_on_a_segment(granted: str, wanted: str, covered: bool) -> None:
    assert Statement("a", granted).covers(Statement("a", wanted)) is covered


def test_resources_compare_normalised() -> None:
    assert Statement("a", "x/y") == Statement("a", "/x/y/")


@given(st.frozensets(st.builds(Statement, st.text(min_size=1), st.text(min_size=1))))
def test_an_allow_list_reads_back_as_the_same_access(access: frozenset[Statement]) -> None:
    assert parse(allow_list(access)) == access
    assert all(allows(access, statement) for statement in access)


@pytest.mark.parametrize(
    "broken",
    [[], "x", {"allow": "x"}, {"allow": {}}, {}, {"allow": [{}]}, {"allow": [{"action": "a", "resource": 1}]}],
)
def test_access_of_any_other_shape_is_an_error(broken: object) -> None:
    with pytest.raises(ValueError, match="allow list"):
        parse(broken)


def test_absent_access_is_no_access() -> None:
    assert parse(None) == frozenset()
