"""One user per identity with exactly the wanted access, whatever was there before and whoever is faster."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from fusebit_bridge.client import Requestor
from fusebit_bridge.credentials import PrivateKey
from fusebit_bridge.errors import Conflict, Failed, GrantRefused, InvalidName, Refused, Rejected, UnexpectedAnswer
from fusebit_bridge.permissions import Statement
from fusebit_bridge.plan import Block, Create, Desired, Heal, Observation, Remove, Seen, plan
from fusebit_bridge.provisioner import Names, Provisioner
from fusebit_bridge.resources import Account
from fusebit_bridge.tokens import KeySource
from fusebit_bridge.users import Identity, RemoteUser
from tests.fusebit_bridge.account import CLIENT, SmallAccount
from tests.fusebit_bridge.conftest import ACCOUNT, SUBSCRIPTION
from tests.fusebit_bridge.keeper import Keeper
from tests.fusebit_bridge.wire import Seen as Request
from tests.fusebit_bridge.wire import Wire, reset, say

ADA = Identity("onboarding-1", "local|1")
SUBSCRIPTION_PATH = Account.of(ACCOUNT).subscription(SUBSCRIPTION)


def access(*boundaries: str) -> frozenset[Statement]:
    return frozenset(Statement("function:*", SUBSCRIPTION_PATH.boundary(name).resource) for name in boundaries)


@pytest.fixture
def keeper(provisioner: Provisioner) -> Keeper:
    return Keeper(provisioner)


@pytest.fixture
def account(wire: Wire, key: PrivateKey) -> SmallAccount:
    return SmallAccount(wire, key.public_pem)


@pytest.fixture
def provisioner(wire: Wire, key: PrivateKey, account: SmallAccount) -> Provisioner:
    source = KeySource(key, issuer_id="i", subject="cli-1", audience=wire.url)
    return Provisioner(Requestor(wire.url), source, Account.of(ACCOUNT), SUBSCRIPTION_PATH)


def test_a_new_identity_becomes_a_user_in_one_write(keeper: Keeper, account: SmallAccount) -> None:
    user = keeper.ensure(ADA, access("b-1"), Names("Ada", "", "ada@example.com"))
    (write,) = account.writes()
    assert write.json() == {
        "identities": [{"issuerId": "onboarding-1", "subject": "local|1"}],
        "access": {"allow": [next(iter(access("b-1"))).as_json()]},
        "firstName": "Ada",
        "primaryEmail": "ada@example.com",
    }
    assert user.identities == (ADA,)
    assert user.access == access("b-1")
    assert user.id in account.users


def test_a_user_that_is_as_wanted_is_only_looked_at(keeper: Keeper, account: SmallAccount) -> None:
    first = keeper.ensure(ADA, access("b-1"))
    before = len(account.wire.seen)
    assert keeper.ensure(ADA, access("b-1")) == first
    assert len(account.wire.seen) == before + 1


@pytest.mark.parametrize("drifted", [access(), access("b-2"), access("b-1", "b-2")])
def test_access_that_drifted_is_replaced_whole(
    keeper: Keeper, account: SmallAccount, drifted: frozenset[Statement]
) -> None:
    first = keeper.ensure(ADA, drifted)
    again = keeper.ensure(ADA, access("b-1"))
    assert (again.id, again.access) == (first.id, access("b-1"))


def test_a_resource_without_its_last_slash_is_no_drift(keeper: Keeper, account: SmallAccount) -> None:
    user = keeper.ensure(ADA, access("b-1"))
    entry = account.users[user.id]["access"]["allow"][0]
    entry["resource"] = entry["resource"].rstrip("/")
    before = len(account.writes())
    keeper.ensure(ADA, access("b-1"))
    assert len(account.writes()) == before


def test_subjects_that_differ_in_case_are_two_people(keeper: Keeper, account: SmallAccount) -> None:
    keeper.ensure(Identity("onboarding-1", "local|a"), access("b-1"))
    keeper.ensure(Identity("onboarding-1", "local|A"), access("b-2"))
    assert len(account.users) == 2


def test_twenty_at_once_make_one_user(keeper: Keeper, account: SmallAccount) -> None:
    with ThreadPoolExecutor(20) as pool:
        users = list(pool.map(lambda _: keeper.ensure(ADA, access("b-1")), range(20)))
    assert {user.id for user in users} == set(account.users)
    assert len(account.users) == 1


def test_a_post_whose_answer_is_lost_leaves_one_user_after_the_next_look(keeper: Keeper, account: SmallAccount) -> None:
    def lose_the_answer(handler: object, seen: Request) -> None:
        if seen.method == "POST":
            account._answer(seen)
            reset(handler, seen)  # type: ignore[arg-type]
        else:
            account.answer(handler, seen)  # type: ignore[arg-type]

    account.wire.answer = lose_the_answer
    with pytest.raises(Exception, match="does not answer"):
        keeper.ensure(ADA, access("b-1"))
    account.wire.answer = account.answer
    keeper.ensure(ADA, access("b-1"))
    assert len(account.users) == 1


def test_an_identity_that_belongs_to_a_client_is_never_taken_over(
    provisioner: Provisioner, account: SmallAccount
) -> None:
    account.taken_by_a_client.add((ADA.issuer_id, ADA.subject))
    seen = provisioner.observe(ADA)

    assert seen == Observation(Seen.CLIENT, agent_id=CLIENT)
    assert isinstance(plan(Desired((ADA,), access("b-1")), seen)[0], Block)
    assert account.writes() == []


def test_granting_more_than_the_client_holds_is_rejected(keeper: Keeper, account: SmallAccount) -> None:
    account.access = {Statement("user:*", f"/account/{ACCOUNT}/")}
    with pytest.raises(Refused):
        keeper.ensure(ADA, access("b-1"))
    assert account.users == {}


def test_a_write_that_is_not_kept_is_noticed(keeper: Keeper, account: SmallAccount) -> None:
    account.forgetful = True
    with pytest.raises(UnexpectedAnswer, match="not kept"):
        keeper.ensure(ADA, access("b-1"))


def test_removing_a_user_twice_is_no_trouble(keeper: Keeper, provisioner: Provisioner) -> None:
    user = keeper.ensure(ADA, access("b-1"))
    provisioner.perform(Remove(user.id))
    assert provisioner.observe(ADA) == Observation(Seen.ABSENT)
    provisioner.perform(Remove(user.id))


@pytest.mark.parametrize(
    "item",
    [
        {"id": "usr-0000000000000001", "identities": []},
        {"id": "../me", "identities": [ADA.as_json()]},
        {"id": 7, "identities": [ADA.as_json()]},
        {"id": "usr-0000000000000001", "identities": [{"issuerId": "onboarding-1", "subject": "local|2"}]},
        {"id": "usr-0000000000000001", "identities": "x"},
        {"id": "usr-0000000000000001", "identities": [ADA.as_json()], "access": {"allow": "all"}},
        "usr-0000000000000001",
        None,
    ],
)
def test_a_search_that_finds_something_else_is_believed_nothing(
    provisioner: Provisioner, account: SmallAccount, item: object
) -> None:
    account._user_get = lambda *_: (200, {"items": [item]})  # type: ignore[method-assign]
    with pytest.raises(UnexpectedAnswer):
        provisioner.observe(ADA)


def test_a_user_id_that_is_none_is_never_put_into_a_path(provisioner: Provisioner, account: SmallAccount) -> None:
    for hostile in ("../issuer/x", "usr-1", "", "usr-0000000000000001/init"):
        with pytest.raises(InvalidName):
            provisioner.perform(Remove(hostile))
    assert account.wire.seen == []


def test_failures_of_fusebit_come_through_as_they_are(keeper: Keeper, account: SmallAccount) -> None:
    account._user_get = lambda *_: (503, "later")  # type: ignore[method-assign]
    with pytest.raises(Failed):
        keeper.ensure(ADA, access("b-1"))
    account._user_get = lambda *_: (200, {"items": []})  # type: ignore[method-assign]
    account._user_add = lambda *_: (400, "identities.0: no")  # type: ignore[method-assign]
    with pytest.raises(Rejected):
        keeper.ensure(ADA, access("b-1"))


def test_a_zombie_is_set_free_by_deleting_it_once_more(provisioner: Provisioner, account: SmallAccount) -> None:
    account._user_get = lambda *_: (404, "The user 'usr-00000000000000aa' does not exist")  # type: ignore[method-assign]
    seen = provisioner.observe(ADA)

    assert seen == Observation(Seen.ZOMBIE, agent_id="usr-00000000000000aa")
    assert plan(Desired((ADA,)), seen) == (Heal("usr-00000000000000aa"),)
    provisioner.perform(Heal("usr-00000000000000aa"))
    assert [write.method for write in account.writes()] == ["DELETE"]


def test_a_missing_page_is_not_taken_for_a_zombie(provisioner: Provisioner, account: SmallAccount) -> None:
    account._user_get = lambda *_: (404, "Not Found")  # type: ignore[method-assign]
    with pytest.raises(UnexpectedAnswer):
        provisioner.observe(ADA)


def test_a_user_that_lost_our_identity_is_found_by_its_id(
    keeper: Keeper, provisioner: Provisioner, account: SmallAccount
) -> None:
    user = keeper.ensure(ADA, access("b-1"))
    account.users[user.id]["identities"] = []

    assert provisioner.observe(ADA, user.id).user == RemoteUser(user.id, (), access("b-1"))


def test_the_two_rejections_that_mean_something_are_told_apart(provisioner: Provisioner, account: SmallAccount) -> None:
    texts = {
        "The identity with issuer 'i' and subject 's' is already associated with a user or client": Conflict,
        "The client 'clt-1' is not authorized to grant access to perform the action 'A' on resource 'R'": GrantRefused,
    }
    for text, kind in texts.items():
        account._user_add = lambda *_, text=text: (400, text)  # type: ignore[method-assign]
        with pytest.raises(kind):
            provisioner.perform(Create((ADA,), access("b-1")))


def test_somebody_else_s_user_that_makes_no_sense_does_not_hide_ours(
    keeper: Keeper, provisioner: Provisioner, account: SmallAccount, wire: Wire
) -> None:
    ours = keeper.ensure(ADA, access("b-1"))
    listed = [account.users[ours.id], {"id": "usr-1", "identities": "none"}, {"access": {}}, 7]
    wire.answer = say(200, {"items": listed})

    pages = list(provisioner.pages())
    wire.answer = say(200, {"items": listed[1:]})

    assert [[user.id for user in users] for users, _ in pages] == [[ours.id]]
    with pytest.raises(UnexpectedAnswer):
        list(provisioner.pages())


def test_all_users_are_listed_page_by_page(keeper: Keeper, provisioner: Provisioner, account: SmallAccount) -> None:
    for number in range(3):
        keeper.ensure(Identity("onboarding-1", f"local|{number}"), access(f"b-{number}"))
    account.page = 2

    pages = list(provisioner.pages())

    assert [len(users) for users, _ in pages] == [2, 1]
    assert pages[1][1] == ""
    assert {user.id for users, _ in pages for user in users} == set(account.users)
