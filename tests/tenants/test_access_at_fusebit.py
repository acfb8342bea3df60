"""Roles and call tokens are what Fusebit itself enforces: seen from outside, with the tokens alone."""

from datetime import timedelta

import pytest
import requests
from django.utils import timezone

from fusebit_bridge import door
from tenants.errors import InvalidInput
from tenants.models import CallToken, Deployment, Function, FusebitUser, Role, State, Tenant
from tenants.services import call_tokens, configuration, functions, invocations, members, starters
from tests.cast import founded, person
from tests.fusebit_process import EmbeddedFusebit
from tests.tenants.test_against_fusebit import work

pytestmark = [pytest.mark.django_db, pytest.mark.processes]


@pytest.fixture
def tenant(embedded: EmbeddedFusebit) -> Tenant:
    """Ada's tenant, set up to the end."""
    made = founded(person("ada"))
    work()
    return made


def joined(tenant: Tenant, name: str, role: str) -> door.TenantSession:
    """Somebody who followed an invitation; returns what they can do at Fusebit with a token of their own."""
    user = person(name)
    _, secret = members.invite(tenant=tenant, role=role, actor=tenant.members.get(first_name="Ada"))
    members.accept(secret=secret, user=user)
    work()
    row = FusebitUser.objects.get(user=user)
    return door.tenant(row.subject, tenant.boundary_id, row.issuer_id)


def test_a_viewers_token_is_refused_a_put_by_fusebit_itself(tenant: Tenant) -> None:
    viewer, hello = joined(tenant, "ben", Role.VIEWER), tenant.functions.get()

    with pytest.raises(door.Refused):
        viewer.put_function("hello", {"nodejs": {"files": {"index.js": "module.exports = async () => ({});"}}})
    with pytest.raises(door.Refused):
        viewer.delete_function("hello")
    assert viewer.get_function("hello")["id"] == "hello"
    assert viewer.execute(hello.deployment.location, "hello").status == 200


def test_a_viewers_call_is_signed_as_the_viewer(tenant: Tenant) -> None:
    joined(tenant, "ben", Role.VIEWER)
    ben = tenant.members.get(first_name="Ben")
    hello = tenant.functions.get()

    assert invocations.run(function=hello, actor=ben, call=invocations.Call()).run.status == 200
    FusebitUser.objects.filter(user=ben).update(subject="local|nobody")
    assert invocations.run(function=hello, actor=ben, call=invocations.Call()).run.status == 403


def test_a_role_that_is_raised_lowered_and_taken_away_is_so_at_fusebit(tenant: Tenant) -> None:
    session = joined(tenant, "ben", Role.DEVELOPER)
    membership = tenant.memberships.get(user__first_name="Ben")
    ada = tenant.members.get(first_name="Ada")
    body = {"nodejs": {"files": {"index.js": "module.exports = async () => ({});"}}}
    session.put_function("bens", body)

    members.change_role(membership=membership, role=Role.VIEWER, actor=ada)
    work()
    with pytest.raises(door.Refused):
        session.put_function("bens", body | {"configuration": {"A": "1"}})
    assert session.get_function("bens")

    members.remove(membership=membership, actor=ada)
    work()
    with pytest.raises(door.Refused):
        session.get_function("bens")


@pytest.fixture
def minted(tenant: Tenant) -> tuple[CallToken, str]:
    """A call token of hello whose user is there."""
    hello = tenant.functions.get()
    made = call_tokens.mint(
        function=hello,
        name="Shop",
        expires_at=timezone.now() + timedelta(days=30),
        actor=tenant.members.get(first_name="Ada"),
    )
    work()
    return made


def call(function: Function, token: str) -> int:
    """The status of a plain HTTP call with the token, as anybody would make it."""
    location = Deployment.objects.get(function=function).location
    with requests.get(location, headers={"Authorization": f"Bearer {token}"}, timeout=30) as answer:
        return answer.status_code


def test_a_call_token_calls_its_function_and_can_do_nothing_else(
    embedded: EmbeddedFusebit, tenant: Tenant, minted: tuple[CallToken, str]
) -> None:
    row, token = minted
    other = functions.create(
        tenant=tenant, name="other", starter=starters.blank(), author=tenant.members.get(first_name="Ada")
    )
    work()
    path = f"{embedded.boundary(tenant.boundary_id)}/function/hello"
    user_id = FusebitUser.objects.get(pk=row.fusebit_user_id).remote_user_id
    remote = embedded.request("GET", f"{embedded.account}/user/{user_id}")

    assert call(row.function, token) == 200
    assert call(other, token) == 403
    for method in ("GET", "PUT", "DELETE"):
        assert embedded.request(method, path, token=token, json={} if method == "PUT" else None).status_code == 403
    assert remote.json()["access"] == {"allow": [{"action": "function:execute", "resource": f"{path}/"}]}


def test_revoking_a_call_token_deletes_its_user_and_works_at_once(
    embedded: EmbeddedFusebit, tenant: Tenant, minted: tuple[CallToken, str]
) -> None:
    row, token = minted
    user_id = FusebitUser.objects.get(pk=row.fusebit_user_id).remote_user_id
    before = call(row.function, token)

    call_tokens.revoke(token=row, actor=tenant.members.get(first_name="Ada"))
    work()

    assert before == 200
    assert call(row.function, token) == 403
    assert embedded.request("GET", f"{embedded.account}/user/{user_id}").status_code == 404
    assert FusebitUser.objects.get(pk=row.fusebit_user_id).state == State.DELETED
    assert not call_tokens.alive(row.function).exists()


def test_a_call_token_that_has_expired_loses_its_user(tenant: Tenant, minted: tuple[CallToken, str]) -> None:
    row, _ = minted
    CallToken.objects.update(expires_at=timezone.now())

    work()

    assert FusebitUser.objects.get(pk=row.fusebit_user_id).state == State.DELETED


def test_a_new_function_of_the_same_name_is_not_called_by_the_old_ones_token(
    tenant: Tenant, minted: tuple[CallToken, str]
) -> None:
    row, token = minted
    ada = tenant.members.get(first_name="Ada")
    functions.delete(function=row.function, author=ada)
    fresh = functions.create(tenant=tenant, name="hello", starter=starters.blank(), author=ada)
    work()

    assert call(fresh, token) == 403


@pytest.mark.parametrize("days", [-1, 0, 400])
def test_a_call_token_must_expire_within_a_year(tenant: Tenant, days: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        call_tokens.mint(
            function=tenant.functions.get(),
            name="Shop",
            expires_at=timezone.now() + timedelta(days=days),
            actor=tenant.members.get(),
        )
    assert refused.value.field == "expires_at"


def test_a_function_sees_its_secrets_and_people_see_the_mask(tenant: Tenant) -> None:
    ada, hello = tenant.members.get(), tenant.functions.get()
    code = "module.exports = async (ctx) => ({ headers: { 'x-key': ctx.configuration.KEY }, body: ctx.configuration });"
    functions.save(function=hello, change=functions.Change(files={"index.js": code}), base_version=1, author=ada)
    version = configuration.patch(
        function=hello, author=ada, plain={"MODE": "fast"}, secret={"KEY": "sk_live_51HxQ2eZ"}
    )
    functions.deploy(function=hello, version=version, author=ada)

    outcome = invocations.run(function=hello, actor=ada, call=invocations.Call())

    assert outcome.body.decode() == '{"MODE":"fast","KEY":"•••(KEY)"}'
    assert dict(outcome.headers)["x-key"] == "•••(KEY)"
