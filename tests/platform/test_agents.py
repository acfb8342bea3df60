"""Contract 4.5: users and clients."""

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.embedded import EmbeddedFusebit

KINDS = [("user", "usr"), ("client", "clt")]


@pytest.fixture(params=KINDS, ids=["user", "client"])
def kind(request) -> str:
    return request.param[0]


def identity() -> dict[str, str]:
    return {"issuerId": f"i-{secrets.token_hex(4)}", "subject": f"s|{secrets.token_hex(4)}"}


def test_an_agent_without_anything_is_only_an_id(embedded: EmbeddedFusebit, kind):
    answer = embedded.request("POST", f"{embedded.a}/{kind}", json={"identities": [], "access": {"allow": []}})
    assert answer.status_code == 200
    assert set(answer.json()) == {"id"}
    assert answer.json()["id"].startswith("usr-" if kind == "user" else "clt-")


def test_an_agent_has_what_it_was_given(embedded, kind):
    scalars = {"firstName": "A", "lastName": "B", "primaryEmail": "c"} if kind == "user" else {"displayName": "A"}
    who = identity()
    access = [{"action": "a", "resource": "/x"}, {"action": "a", "resource": "x/"}, {"action": "b", "resource": "/y/"}]
    body = {**scalars, "identities": [who], "access": {"allow": access}}
    made = embedded.request("POST", f"{embedded.a}/{kind}", json=body).json()
    expected = {
        "id": made["id"],
        **scalars,
        "identities": [who],
        "access": {"allow": [{"action": "a", "resource": "/x/"}, {"action": "b", "resource": "/y/"}]},
    }
    assert made == expected
    assert embedded.request("GET", f"{embedded.a}/{kind}/{made['id']}").json() == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"id": "usr-0000000000000000"}, 'id: "id" is not allowed'),
        ({"nope": 1}, 'nope: "nope" is not allowed'),
        ({"identities": {}}, 'identities: "identities" must be an array'),
        ({"identities": [{"subject": "x"}]}, 'identities.0.issuerId: "issuerId" is required'),
        ({"identities": [{"iss": "x"}]}, 'identities.0.issuerId: "issuerId" is required'),
        ({"identities": [{"issuerId": "x"}]}, 'identities.0.subject: "subject" is required'),
        (
            {"identities": [{"issuerId": "", "subject": "x"}]},
            'identities.0.issuerId: "issuerId" is not allowed to be empty',
        ),
        ({"identities": [{"issuerId": 1, "subject": "x"}]}, 'identities.0.issuerId: "issuerId" must be a string'),
        (
            {"identities": [{"issuerId": "x", "subject": "y", "id": "z"}]},
            'identities.0.id: "id" is not allowed',
        ),
        ({"access": {}}, 'access.allow: "allow" is required'),
        ({"access": []}, 'access: "access" must be an object'),
        ({"access": {"allow": [{"action": "x"}]}}, 'access.allow.0.resource: "resource" is required'),
        ({"access": {"allow": [{"resource": "x"}]}}, 'access.allow.0.action: "action" is required'),
        ({"access": None}, 'access: "access" must be an object'),
        ({"id": "x", "access": {}}, 'access.allow: "allow" is required'),
    ],
)
def test_the_first_mistake_in_schema_order_is_reported(embedded, kind, body, message):
    answer = embedded.request("POST", f"{embedded.a}/{kind}", json=body)
    assert (answer.status_code, answer.json()["message"]) == (400, message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"firstName": ""}, 'firstName: "firstName" is not allowed to be empty'),
        ({"lastName": 1}, 'lastName: "lastName" must be a string'),
        ({"primaryEmail": None}, 'primaryEmail: "primaryEmail" must be a string'),
        ({"displayName": "x"}, 'displayName: "displayName" is not allowed'),
    ],
)
def test_the_scalars_of_a_user_are_texts(embedded, body, message):
    answer = embedded.request("POST", f"{embedded.a}/user", json=body)
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_an_identity_belongs_to_one_agent_only(embedded, kind):
    who = identity()
    conflict = (
        f"The identity with issuer '{who['issuerId']}' and subject '{who['subject']}' is already associated with a "
        "user or client"
    )
    first = embedded.request("POST", f"{embedded.a}/{kind}", json={"identities": [who]}).json()
    for other in ("user", "client"):
        answer = embedded.request("POST", f"{embedded.a}/{other}", json={"identities": [identity(), who]})
        assert (answer.status_code, answer.json()["message"]) == (400, conflict)
    second = embedded.request(
        "POST", f"{embedded.a}/{kind}", json={"displayName": "x"} if kind == "client" else {}
    ).json()
    answer = embedded.request("PATCH", f"{embedded.a}/{kind}/{second['id']}", json={"identities": [who]})
    assert (answer.status_code, answer.json()["message"]) == (400, conflict)
    same = embedded.request("PATCH", f"{embedded.a}/{kind}/{first['id']}", json={"identities": [who]})
    assert same.status_code == 200


def test_the_same_identity_twice_in_one_body_is_a_conflict_and_leaves_nothing(embedded, kind):
    who = identity()
    answer = embedded.request("POST", f"{embedded.a}/{kind}", json={"identities": [who, who]})
    assert answer.status_code == 400
    query = f"issuerId={who['issuerId']}&subject={who['subject']}"
    assert embedded.request("GET", f"{embedded.a}/{kind}?{query.replace('|', '%7C')}").json() == {"items": []}
    assert embedded.request("POST", f"{embedded.a}/{kind}", json={"identities": [who]}).status_code == 200


def test_fifty_creations_at_once_make_one_agent(embedded, kind):
    who = identity()

    def create(_number):
        return embedded.request("POST", f"{embedded.a}/{kind}", json={"identities": [who]}).status_code

    with ThreadPoolExecutor(10) as threads:
        statuses = list(threads.map(create, range(50)))
    assert sorted(statuses) == [200] + [400] * 49
    found = embedded.request("GET", f"{embedded.a}/{kind}", params=who).json()["items"]
    assert len(found) == 1


def test_patch_replaces_lists_that_are_given_and_keeps_the_rest(embedded, kind):
    who, other = identity(), identity()
    scalar = "firstName" if kind == "user" else "displayName"
    body = {scalar: "one", "identities": [who], "access": {"allow": [{"action": "a", "resource": "/"}]}}
    path = f"{embedded.a}/{kind}"
    path = f"{path}/{embedded.request('POST', path, json=body).json()['id']}"
    assert embedded.request("PATCH", path, json={scalar: "two"}).json()["identities"] == [who]
    changed = embedded.request("PATCH", path, json={"identities": [other]}).json()
    assert (changed[scalar], changed["identities"]) == ("two", [other])
    assert changed["access"]["allow"] == [{"action": "a", "resource": "/"}]
    cleared = embedded.request("PATCH", path, json={"identities": [], "access": {"allow": []}}).json()
    assert cleared == {"id": changed["id"], scalar: "two"}
    assert embedded.request("PATCH", path, json={scalar: ""}).status_code == 400


def test_a_failed_patch_changes_nothing(embedded):
    taken = identity()
    embedded.request("POST", f"{embedded.a}/user", json={"identities": [taken]})
    path = f"{embedded.a}/user"
    made = embedded.request("POST", path, json={"firstName": "before"}).json()
    path = f"{path}/{made['id']}"
    body = {"firstName": "after", "identities": [identity(), taken]}
    assert embedded.request("PATCH", path, json=body).status_code == 400
    assert embedded.request("GET", path).json() == made


def test_an_id_in_the_body_of_patch_must_be_the_one_in_the_url(embedded, kind):
    path = f"{embedded.a}/{kind}"
    made = embedded.request("POST", path, json={}).json()
    assert embedded.request("PATCH", f"{path}/{made['id']}", json={"id": made["id"]}).status_code == 200
    answer = embedded.request("PATCH", f"{path}/{made['id']}", json={"id": "x"})
    assert answer.json()["message"] == (
        f"The {kind}Id in the body 'x' does not match the {kind}Id in the URL '{made['id']}'"
    )


def test_a_missing_agent_is_404_by_name(embedded, kind):
    agent_id = f"{'usr' if kind == 'user' else 'clt'}-{secrets.token_hex(8)}"
    for method in ("GET", "PATCH", "DELETE"):
        answer = embedded.request(method, f"{embedded.a}/{kind}/{agent_id}", json={} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()["message"]) == (404, f"The {kind} '{agent_id}' does not exist")


def test_delete_ends_the_agent_and_its_tokens_at_once(embedded, kind):
    agent = embedded.add_user(kind=kind)
    token = agent.token()
    assert embedded.request("GET", f"{embedded.a}/me", token=token).status_code == 200
    answer = embedded.request("DELETE", f"{embedded.a}/{kind}/{agent.id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert embedded.request("GET", f"{embedded.a}/me", token=token).status_code == 403
    assert embedded.request("DELETE", f"{embedded.a}/{kind}/{agent.id}").status_code == 404


def test_lists_show_names_and_with_include_all_everything(embedded, kind):
    who = identity()
    scalar = "firstName" if kind == "user" else "displayName"
    name = secrets.token_hex(6)
    body = {scalar: name, "identities": [who], "access": {"allow": [{"action": "a", "resource": "/"}]}}
    made = embedded.request("POST", f"{embedded.a}/{kind}", json=body).json()
    short = embedded.request("GET", f"{embedded.a}/{kind}?name={name}").json()
    assert short == {"items": [{"id": made["id"], scalar: name}]}
    full = embedded.request("GET", f"{embedded.a}/{kind}?name={name}&include=all").json()
    assert full == {"items": [made]}


def test_names_are_found_by_part_and_case(embedded):
    tail = secrets.token_hex(5)
    for first, last, email in (("Ada", f"Love{tail}", "x"), (f"Ben{tail}", "Bo", f"b@{tail}"), ("Cy", "Co", "y")):
        body = {"firstName": first, "lastName": last, "primaryEmail": email}
        embedded.request("POST", f"{embedded.a}/user", json=body)

    def found(query):
        items = embedded.request("GET", f"{embedded.a}/user?{query}").json()["items"]
        return sorted(item["firstName"] for item in items)

    assert found(f"name={tail}") == ["Ada", f"Ben{tail}"]
    assert found(f"name=ove{tail}") == ["Ada"]
    assert found(f"name=OVE{tail}") == []
    assert found(f"name={tail}&email=@{tail}") == [f"Ben{tail}"]
    assert found(f"name=%25{tail[:2]}") == []
    assert found("name=_") == []
    assert found(f"name={tail}%22") == []
    assert found(f"name={tail[:2]}&email=@{tail}") == [f"Ben{tail}"]
    user = embedded.request("GET", f"{embedded.a}/user?name=Ben{tail}").json()["items"][0]["id"]
    embedded.request("PATCH", f"{embedded.a}/user/{user}", json={"firstName": "Renamed"})
    assert found(f"name=Ben{tail}") == []
    embedded.request("DELETE", f"{embedded.a}/user/{user}")
    assert found(f"email=@{tail}") == []


def test_identities_are_found_exactly(embedded, kind):
    issuer, subject = f"i-{secrets.token_hex(4)}", "s"
    body = {"identities": [{"issuerId": issuer, "subject": subject}, {"issuerId": issuer, "subject": "t"}]}
    made = embedded.request("POST", f"{embedded.a}/{kind}", json=body).json()
    other = "client" if kind == "user" else "user"

    def found(query, of=kind):
        return [item["id"] for item in embedded.request("GET", f"{embedded.a}/{of}?{query}").json()["items"]]

    assert found(f"issuerId={issuer}&subject=s") == [made["id"]]
    assert found(f"issuerId={issuer}&subject=S") == []
    assert found(f"issuerId={issuer}") == [made["id"]]
    assert found(f"issuerId={issuer[:-1]}") == []
    assert found(f"issuerId={issuer}&subject=s", other) == []
    answer = embedded.request("GET", f"{embedded.a}/{kind}?subject=s")
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "The 'subject' filter 's' can not be specified without the 'issuerId' filter",
    )


def test_pages_hold_exactly_count_items_and_end_without_next(embedded, kind):
    tail = secrets.token_hex(5)
    scalar = "lastName" if kind == "user" else "displayName"
    for number in range(6):
        embedded.request("POST", f"{embedded.a}/{kind}", json={scalar: f"{tail}-{number}"})
    seen, query = [], f"name={tail}&count=2"
    for expected in (2, 2, 2):
        page = embedded.request("GET", f"{embedded.a}/{kind}?{query}").json()
        assert len(page["items"]) == expected
        seen += [item[scalar] for item in page["items"]]
        query = f"name={tail}&count=2&next={page.get('next')}"
    assert "next" not in page
    assert sorted(seen) == [f"{tail}-{number}" for number in range(6)]
    first = embedded.request("GET", f"{embedded.a}/{kind}?name={tail}&count=2").json()
    rest = embedded.request("GET", f"{embedded.a}/{kind}?name={tail}&next={first['next']}").json()
    assert len(rest["items"]) == 4


def test_odd_counts_and_tokens_are_refused_in_words(embedded, kind):
    path = f"{embedded.a}/{kind}"
    answer = embedded.request("GET", f"{path}?count=-5").json()
    assert answer["message"] == "The limit value '-5' is invalid; must be a positive number"
    for token in ("x", "AAAA", "e30", "LTE", "bnVsbA", "é", "dHJ1ZQ", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"):
        answer = embedded.request("GET", path, params={"next": token})
        assert (answer.status_code, answer.json()["message"]) == (400, f"The next token '{token}' is invalid")


@pytest.mark.parametrize("text", ["a\u0000b", "x" * 3000])
def test_names_that_no_column_holds_are_refused(embedded, text):
    body = {"identities": [{"issuerId": text, "subject": "x"}]}
    assert embedded.request("POST", f"{embedded.a}/user", json=body).status_code == 400
    body = {"access": {"allow": [{"action": "x", "resource": text}]}}
    assert embedded.request("POST", f"{embedded.a}/user", json=body).status_code == 400
    assert embedded.request("GET", f"{embedded.a}/user", params={"name": "a\u0000"}).status_code == 400


def test_deleting_an_agent_forgets_the_issuers_that_were_made_for_it_alone(embedded, kind):
    path = f"{embedded.a}/{kind}"
    made = embedded.request("POST", path, json={}).json()["id"]
    own = [f"{secrets.token_hex(4)}.{made}.{host}" for host in ("localhost", "api.example.com", "127.0.0.1")]
    other = f"x{own[0]}"
    for issuer in (*own, other):
        body = {"publicKeys": [{"keyId": "k", "publicKey": "foo"}]}
        assert embedded.request("POST", f"{embedded.a}/issuer/{issuer}", json=body).status_code == 200
    shared = {"identities": [{"issuerId": own[2], "subject": "s"}]}
    keeper = embedded.request("POST", path, json=shared).json()["id"]
    assert embedded.request("DELETE", f"{path}/{made}").status_code == 204
    left = [embedded.request("GET", f"{embedded.a}/issuer/{issuer}").status_code for issuer in (*own, other)]
    assert left == [404, 404, 200, 200]
    embedded.request("DELETE", f"{path}/{keeper}")


def test_filters_that_mean_nothing_to_a_list_are_ignored(embedded):
    name = secrets.token_hex(5)
    made = embedded.request("POST", f"{embedded.a}/client", json={"displayName": name}).json()
    query = f"name={name}&email=nobody&action=x:y&resource=/x&cron=true&search=a=b&from=-1d&to=-1d&include=cache"
    assert embedded.request("GET", f"{embedded.a}/client?{query}").json() == {"items": [made]}


def test_a_page_can_be_followed_with_another_count_or_none(embedded, kind):
    issuer = f"i-{secrets.token_hex(4)}"
    for number in range(4):
        body = {"identities": [{"issuerId": issuer, "subject": str(number)}]}
        embedded.request("POST", f"{embedded.a}/{kind}", json=body)
    path = f"{embedded.a}/{kind}?issuerId={issuer}"
    first = embedded.request("GET", f"{path}&count=1").json()
    for count, size in (("&count=2", 2), ("", 3)):
        page = embedded.request("GET", f"{path}{count}&next={first['next']}").json()
        assert len(page["items"]) == size
        assert ("next" in page) == (size == 2)


def test_an_issuer_with_a_name_narrows_by_both_and_with_a_subject_by_neither(embedded, kind):
    issuer, name = f"i-{secrets.token_hex(4)}", secrets.token_hex(4)
    scalar = "lastName" if kind == "user" else "displayName"
    for number in range(2):
        body = {scalar: f"{name}-{number}", "identities": [{"issuerId": issuer, "subject": str(number)}]}
        embedded.request("POST", f"{embedded.a}/{kind}", json=body)

    def found(query):
        return [item[scalar] for item in embedded.request("GET", f"{embedded.a}/{kind}?{query}").json()["items"]]

    assert found(f"issuerId={issuer}&name={name}-1") == [f"{name}-1"]
    assert found(f"issuerId={issuer}&subject=0&name=nobody&count=1&next=bad") == [f"{name}-0"]
