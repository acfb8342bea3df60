"""What to do about a user, for everything that may be wanted and everything that may be seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusebit_bridge.permissions import Statement
from fusebit_bridge.plan import Block, Create, Desired, Heal, Observation, Remove, Replace, Seen, is_ours, plan
from fusebit_bridge.users import Identity, RemoteUser

ADA, ADA_TOO, EVE = (Identity("ours", subject) for subject in ("local|ada", "github|ada", "local|eve"))
READ, WRITE, ALL = Statement("function:get", "/b/1/"), Statement("function:put", "/b/1/"), Statement("*", "/")
ABSENT = Observation(Seen.ABSENT)


def present(*identities: Identity, access: frozenset[Statement] = frozenset(), user_id: str = "usr-1") -> Observation:
    return Observation(Seen.PRESENT, RemoteUser(user_id, identities, access))


def test_nobody_is_made_with_identities_and_access_in_one_call() -> None:
    assert plan(Desired((ADA,), frozenset({READ})), ABSENT) == (Create((ADA,), frozenset({READ})),)


def test_whoever_is_as_wanted_is_left_alone() -> None:
    assert plan(Desired((ADA,), frozenset({READ})), present(ADA, access=frozenset({READ}))) == ()


def test_our_own_user_is_repaired_whole_and_only_where_it_differs() -> None:
    desired = Desired((ADA, ADA_TOO), frozenset({READ}), known_id="usr-1")

    assert plan(desired, present(ADA, access=frozenset({READ, ALL}))) == (
        Replace("usr-1", (ADA, ADA_TOO), frozenset({READ})),
    )
    assert plan(desired, present(ADA, ADA_TOO)) == (Replace("usr-1", None, frozenset({READ})),)


@pytest.mark.parametrize(
    "seen", [present(ADA, access=frozenset({ALL})), present(ADA, EVE), present(ADA, EVE, access=frozenset({READ}))]
)
def test_a_user_with_what_we_did_not_give_it_is_never_adopted(seen: Observation) -> None:
    (action,) = plan(Desired((ADA,), frozenset({READ})), seen)

    assert isinstance(action, Block)
    assert action.code == "foreign_owner"


def test_what_we_asked_for_before_a_crash_is_recognised_although_less_is_wanted_now() -> None:
    desired = Desired((ADA,), frozenset({READ}), asked=frozenset({WRITE}))

    assert plan(desired, present(ADA, access=frozenset({READ, WRITE}))) == (Replace("usr-1", None, frozenset({READ})),)


def test_an_identity_without_its_user_is_set_free_first() -> None:
    for absent in (True, False):
        assert plan(Desired((ADA,), absent=absent), Observation(Seen.ZOMBIE, agent_id="usr-9")) == (Heal("usr-9"),)


def test_what_should_be_absent_is_removed_only_when_it_is_ours() -> None:
    gone = Desired((ADA,), absent=True, known_id="usr-1")

    assert plan(gone, present(ADA)) == (Remove("usr-1"),)
    assert plan(gone, present(ADA, access=frozenset({ALL}), user_id="usr-2")) == ()
    assert plan(gone, ABSENT) == plan(gone, Observation(Seen.CLIENT, agent_id="clt-1")) == ()


def test_a_client_with_the_identity_and_two_users_with_it_need_a_person() -> None:
    codes = [
        action.code
        for seen in (Observation(Seen.CLIENT, agent_id="clt-1"), Observation(Seen.MANY))
        for action in plan(Desired((ADA,)), seen)
        if isinstance(action, Block)
    ]

    assert codes == ["foreign_owner", "duplicate"]


identities = st.lists(st.sampled_from([ADA, ADA_TOO, EVE]), unique=True).map(tuple)
accesses = st.frozensets(st.sampled_from([READ, WRITE, ALL]))
wishes = st.builds(
    Desired,
    st.lists(st.sampled_from([ADA, ADA_TOO]), min_size=1, unique=True).map(tuple),
    accesses,
    st.booleans(),
    st.sampled_from(["", "usr-1"]),
    accesses,
)
sights = st.one_of(
    st.builds(lambda ids, access: present(*ids, access=access), identities, accesses),
    st.sampled_from([ABSENT, Observation(Seen.MANY), Observation(Seen.CLIENT, agent_id="clt-1")]),
    st.just(Observation(Seen.ZOMBIE, agent_id="usr-9")),
)


@given(wishes, sights)
def test_a_plan_is_at_most_one_action_and_its_effect_needs_no_second(desired: Desired, seen: Observation) -> None:
    actions = plan(desired, seen)

    assert len(actions) <= 1
    for action in actions:
        match action:
            case Create(made, access):
                assert plan(desired, present(*made, access=access)) == ()
            case Replace(user_id, made, access):
                assert seen.user is not None
                assert is_ours(desired, seen.user)
                assert not desired.absent
                now = present(
                    *(seen.user.identities if made is None else made),
                    access=seen.user.access if access is None else access,
                    user_id=user_id,
                )
                assert plan(desired, now) == ()
            case Remove() | Heal():
                assert plan(desired, ABSENT) == () or not desired.absent
            case Block():
                assert not desired.absent or seen.seen is Seen.MANY
