"""Extensions: what an operator decides about a boundary holds for the next call (policy)."""

import pytest

from tests.embedded import EmbeddedFusebit, text_function

UNDECIDED = {
    "suspended": False,
    "limits": {"concurrency": None, "timeout": None, "memorySize": None, "callsPerMinute": None},
    "egress": {"allow": [], "deny": []},
    "keys": {"refused": []},
}


class Place:
    """A boundary with a function that anybody may call, and one for those with a token."""

    def __init__(self, server: EmbeddedFusebit, boundary: str) -> None:
        self.server, self.name, self.path = server, boundary, server.b(boundary)
        for name, body in (("open", {}), ("closed", {"security": {"authentication": "required"}})):
            answer = server.request("PUT", f"{self.path}/function/{name}", json=text_function() | body)
            assert answer.status_code == 200

    def patch(self, body, **options):
        return self.server.request("PATCH", f"{self.path}/policy", json=body, **options)

    def call(self, function="open", **options):
        return self.server.request("GET", self.server.run_path(self.name, function), **options)


@pytest.fixture
def place(embedded, boundary) -> Place:
    return Place(embedded, boundary)


def test_nothing_is_decided_until_somebody_does(place):
    assert place.server.request("GET", f"{place.path}/policy").json() == UNDECIDED


def test_members_are_replaced_one_by_one_and_null_takes_back(place):
    limits = {"concurrency": 5, "timeout": 10}
    place.patch({"limits": limits, "egress": {"allow": ["*.Example.com"], "deny": ["evil.example.com"]}})
    answer = place.patch({"suspended": True, "keys": {"refused": ["k1"]}})
    assert answer.status_code == 200
    assert answer.json() == {
        "suspended": True,
        "limits": UNDECIDED["limits"] | limits,
        "egress": {"allow": ["*.example.com"], "deny": ["evil.example.com"]},
        "keys": {"refused": ["k1"]},
    }
    assert place.server.request("GET", f"{place.path}/policy").json() == answer.json()
    assert place.patch(dict.fromkeys(UNDECIDED)).json() == UNDECIDED
    assert place.patch({}).json() == UNDECIDED


def test_a_suspended_boundary_answers_403_at_once_and_runs_again_at_once(place):
    for _ in range(3):
        assert place.call().status_code == 200
        assert place.patch({"suspended": True}).status_code == 200
        refused = place.call()
        assert (refused.status_code, refused.json()["code"]) == (403, "tenant_suspended")
        assert place.patch({"suspended": None}).status_code == 200
    assert place.call().status_code == 200


def test_a_refused_key_is_refused_in_this_boundary_alone(place):
    user = place.server.add_user(("function:*", "/"), ("policy:*", "/"))
    other = f"{place.name}-other"
    Place(place.server, other)
    assert place.call("closed", token=user.token()).status_code == 200
    place.patch({"keys": {"refused": [user.key.kid]}})
    assert place.call("closed", token=user.token()).status_code == 403
    assert place.server.request("GET", f"{place.path}/function", token=user.token()).status_code == 403
    assert place.patch({"keys": None}, token=user.token()).status_code == 403
    assert place.server.request("GET", f"{place.server.b(other)}/function", token=user.token()).status_code == 200
    assert place.call("closed").status_code == 200


def test_calls_beyond_the_boundarys_number_per_minute_are_refused(place):
    place.patch({"limits": {"callsPerMinute": 2}})
    assert [place.call().status_code for _ in range(3)] == [200, 200, 429]


def test_a_tenant_with_every_right_over_functions_can_not_decide(place):
    tenant = place.server.add_user(("function:*", "/"))
    for method, body in (("GET", None), ("PATCH", {"suspended": False})):
        answer = place.server.request(method, f"{place.path}/policy", json=body, token=tenant.token())
        assert answer.status_code == 403
    reader = place.server.add_user(("policy:get", "/"))
    assert place.server.request("GET", f"{place.path}/policy", token=reader.token()).status_code == 200
    assert place.patch({}, token=reader.token()).status_code == 403


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"limits": {"timeout": 0}}, 'limits.timeout: "timeout" must be larger than or equal to 1'),
        ({"limits": {"memorySize": "x"}}, 'limits.memorySize: "memorySize" must be a number'),
        ({"limits": {"cpu": 1}}, 'limits.cpu: "cpu" is not allowed'),
        ({"suspended": "perhaps"}, 'suspended: "suspended" must be a boolean'),
        (
            {"egress": {"allow": ["http://x/"]}},
            'egress.allow.0: "0" must be a host name, one that begins with *., an address, a network, or *',
        ),
        ({"keys": {"refused": [""]}}, 'keys.refused.0: "0" is not allowed to be empty'),
        ({"budget": 1}, 'budget: "budget" is not allowed'),
    ],
)
def test_a_policy_that_can_not_be_kept_is_refused_in_the_words_of_the_contract(place, body, message):
    answer = place.patch(body)
    assert (answer.status_code, answer.json()["message"]) == (400, message)
