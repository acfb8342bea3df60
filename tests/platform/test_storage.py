"""Contract 7.3: storage."""

import re
import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from tests.embedded import EmbeddedFusebit

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Storage:
    """What lies below one name of a test's own."""

    def __init__(self, embedded: EmbeddedFusebit) -> None:
        self.embedded, self.root = embedded, f"t{secrets.token_hex(5)}"

    def ask(self, method, name="", json=None, **options):
        below = f"{self.root}/{name}" if name else self.root
        return self.embedded.request(method, f"{self.embedded.s}/storage/{below}", json=json, **options)


@pytest.fixture
def storage(embedded) -> Storage:
    return Storage(embedded)


def test_an_item_is_written_read_and_deleted(storage):
    written = storage.ask("PUT", "a", {"data": {"x": [1, None]}, "tags": {"k": "v"}})
    assert written.status_code == 200
    item = written.json()
    assert list(item) == ["storageId", "data", "etag", "tags"]
    assert (item["storageId"], item["data"], item["tags"]) == (f"{storage.root}/a", {"x": [1, None]}, {"k": "v"})
    assert UUID.fullmatch(item["etag"])
    assert written.headers["etag"]
    assert storage.ask("GET", "a").json() == item
    assert storage.ask("GET", "a/").json() == item
    assert storage.ask("DELETE", "a").status_code == 204
    for method in ("GET", "DELETE"):
        missing = storage.ask(method, "a")
        assert (missing.status_code, missing.json()["message"]) == (404, "Not Found")


def test_every_write_has_an_etag_of_its_own(storage):
    first, second = (storage.ask("PUT", "a", {"data": 1}) for _ in range(2))
    assert first.json()["etag"] != second.json()["etag"]
    assert first.headers["etag"] != second.headers["etag"]


def test_an_expected_etag_must_be_the_current_one(storage):
    item = storage.ask("PUT", "a", {"data": 1, "etag": "anything"}).json()
    for wrong in ("not-it", str(secrets.token_hex(8))):
        for options in ({"json": {"data": 2, "etag": wrong}}, {"json": {"data": 2}, "headers": {"If-Match": wrong}}):
            answer = storage.ask("PUT", "a", **options)
            assert (answer.status_code, answer.json()["message"]) == (409, "Conflict")
    assert storage.ask("DELETE", "a", headers={"If-Match": "x"}).status_code == 409
    both = storage.ask("PUT", "a", {"data": 2, "etag": item["etag"]}, headers={"If-Match": "other"})
    assert (both.status_code, both.json()["message"]) == (
        400,
        f"The etag in the body '{item['etag']}' does not match the etag in the If-Match header 'other'",
    )
    changed = storage.ask("PUT", "a", {**item, "data": 3})
    assert changed.status_code == 200
    etag = {"If-Match": changed.json()["etag"]}
    assert storage.ask("DELETE", "a", headers=etag).status_code == 204


@pytest.mark.parametrize("value", [None, "", 0, False])
def test_nothing_is_no_data(storage, value):
    answer = storage.ask("PUT", "a/", {"data": value})
    assert (answer.status_code, answer.json()["message"]) == (400, f"No data was provided for '{storage.root}/a'")


@pytest.mark.parametrize("value", [{}, [], "x", 1, True, [0]])
def test_everything_else_is_data(storage, value):
    assert storage.ask("PUT", "a", {"data": value}).json()["data"] == value


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, 'data: "data" is required'),
        ({"data": 1, "x": 1}, 'x: "x" is not allowed'),
        ({"data": 1, "expires": None}, 'expires: "expires" must be a valid ISO 8601 date'),
        ({"data": 1, "expires": 5}, 'expires: "expires" must be a valid ISO 8601 date'),
        ({"data": 1, "expires": "nope"}, 'expires: "expires" must be a valid ISO 8601 date'),
        ({"data": 1, "tags": {"a": ""}}, 'tags.a: "a" is not allowed to be empty'),
        ({"data": 1, "tags": {"a": 1}}, 'tags.a: "a" must be a string'),
        ({"data": 1, "tags": {"a b": "c"}}, 'tags.a b: "a b" is not allowed'),
    ],
)
def test_a_mistaken_body_is_told(storage, body, message):
    answer = storage.ask("PUT", "a", body)
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_an_expired_item_is_invisible_but_there(storage):
    past = (datetime.now(UTC) - timedelta(seconds=5)).isoformat(timespec="milliseconds")
    item = storage.ask("PUT", "a", {"data": 1, "expires": past})
    assert item.status_code == 200
    assert datetime.fromisoformat(item.json()["expires"]) == datetime.fromisoformat(past)
    assert storage.ask("GET", "a").status_code == 404
    assert storage.ask("GET", "*").json() == {"items": [], "total": 0}
    assert storage.ask("PUT", "a", {"data": 2, "etag": "wrong"}).status_code == 409
    assert storage.ask("PUT", "a", {"data": 2}).status_code == 200
    assert storage.ask("GET", "a").status_code == 404
    assert storage.ask("DELETE", "a").status_code == 204
    future = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="milliseconds")
    storage.ask("PUT", "a", {"data": 1, "expires": future})
    kept = storage.ask("PUT", "a", {"data": 2}).json()["expires"]
    assert datetime.fromisoformat(kept) == datetime.fromisoformat(future)


def test_lists_show_what_lies_below_page_by_page(storage):
    for name in ("b", "b/c", "b/a", "bb", "a", "B"):
        storage.ask("PUT", name, {"data": 1})
    listed = storage.ask("GET", "b/*").json()
    assert [item["storageId"].removeprefix(storage.root) for item in listed["items"]] == ["/b/a", "/b/c"]
    assert listed["total"] == 2
    assert all(list(item) == ["storageId", "tags", "etag"] for item in listed["items"])
    assert list(listed) == ["items", "total"]
    first = storage.ask("GET", "*?count=4").json()
    assert (len(first["items"]), first["total"]) == (4, 6)
    rest = storage.ask("GET", f"*/?next={first['next']}").json()
    names = [item["storageId"].removeprefix(f"{storage.root}/") for item in first["items"] + rest["items"]]
    assert names == ["B", "a", "b", "b/a", "b/c", "bb"]
    assert "next" not in rest
    assert storage.ask("GET", "*?count=-1").status_code == 400
    assert storage.ask("GET", "*?next=x").status_code == 400
    assert storage.ask("GET", "nope/*").json() == {"items": [], "total": 0}


def test_deleting_below_keeps_the_item_itself(storage):
    for name in ("a", "a/b", "a/b/c", "ab"):
        storage.ask("PUT", name, {"data": 1})
    answer = storage.ask("DELETE", "a/*")
    assert (answer.status_code, answer.content) == (204, b"")
    left = [item["storageId"].removeprefix(f"{storage.root}/") for item in storage.ask("GET", "*").json()["items"]]
    assert left == ["a", "ab"]
    assert storage.ask("DELETE", "a/*").status_code == 204
    assert storage.embedded.request("DELETE", f"{storage.embedded.s}/storage/*").status_code == 204
    assert storage.ask("GET", "a").status_code == 200


@pytest.mark.parametrize("wild", ["%25", "_"])
def test_wildcards_of_databases_are_ordinary_characters(storage, wild):
    storage.ask("PUT", "axb/c", {"data": 1})
    assert storage.ask("DELETE", f"a{wild}b/*").status_code == 204
    assert storage.ask("GET", "axb/c").status_code == 200


def test_strange_characters_come_back_unchanged(storage):
    name = ":$(){}-!@+_^&\"';<>é .."
    answer = storage.ask("PUT", quote(name, safe=":$()!@+;&'"), {"data": 1})
    assert answer.json()["storageId"] == f"{storage.root}/{name}"
    assert storage.ask("GET", "a%2Fb").status_code == 404
    storage.ask("PUT", "a/b", {"data": 1})
    assert storage.ask("GET", "a%2Fb").status_code == 200


def test_what_is_no_storage_id_is_refused(storage):
    embedded = storage.embedded
    for name in ("a*", "a/b*r/c", "a/**", "a//b"):
        assert storage.ask("GET", name).status_code == 400, name
    for path in ("", "/", "/*", f"/{storage.root}/*"):
        answer = embedded.request("PUT", f"{embedded.s}/storage{path}", json={"data": 1}, token=None)
        assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")
    assert embedded.request("DELETE", f"{embedded.s}/storage").status_code == 404
    assert embedded.request("GET", f"{embedded.s}/storagefoo", token=None).status_code == 404
    bad = "/v1/account/acc-1/subscription/sub-1/storage/a"
    assert embedded.request("PUT", bad, data=b"{", token=None).status_code == 400


def test_access_to_storage_is_by_path(storage):
    embedded = storage.embedded
    resource = f"{embedded.s.removeprefix('/v1')}/storage/{storage.root}/own"
    ada = embedded.add_user(("storage:*", resource))
    assert storage.ask("PUT", "own/a", {"data": 1}, token=ada.token()).status_code == 200
    assert storage.ask("GET", "own/*", token=ada.token()).status_code == 200
    assert storage.ask("GET", "own/a", token=ada.token()).status_code == 200
    assert storage.ask("GET", "owner", token=ada.token()).status_code == 403
    assert storage.ask("GET", "*", token=ada.token()).status_code == 403
    assert storage.ask("GET", "own/a", token=None).status_code == 403


def test_the_limit_is_half_a_megabyte(storage):
    assert storage.ask("PUT", "a", {"data": "x" * 511_000}).status_code == 200
    assert storage.ask("PUT", "a", {"data": "x" * 513_000}).status_code == 413


def test_two_writers_with_one_etag_do_not_both_win(storage):
    from concurrent.futures import ThreadPoolExecutor

    etag = storage.ask("PUT", "a", {"data": 1}).json()["etag"]

    def write(number):
        return storage.ask("PUT", "a", {"data": number, "etag": etag}).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(write, range(2, 10)))
    assert statuses == [200] + [409] * 7


def test_a_grant_on_one_item_covers_what_lies_below_it_and_not_its_siblings(storage):
    embedded = storage.embedded
    resource = f"{embedded.s.removeprefix('/v1')}/storage/{storage.root}/a"
    for granted, allowed in (("/b", ("b", "b/c", "b/*")), ("", ("b", "b/c", "b/*", "*"))):
        ada = embedded.add_user(("storage:*", f"{resource}{granted}"))
        for name in ("b", "b/c", "b/*", "*"):
            answer = storage.ask("PUT" if "*" not in name else "GET", f"a/{name}", {"data": 1}, token=ada.token())
            assert answer.status_code == (200 if name in allowed else 403), (granted, name)


def test_tags_are_replaced_and_none_are_left_when_none_are_sent(storage):
    storage.ask("PUT", "a", {"data": 1, "tags": {"x": "1", "y": "2"}})
    assert storage.ask("PUT", "a", {"data": 1, "tags": {"z": "3"}}).json()["tags"] == {"z": "3"}
    assert storage.ask("PUT", "a", {"data": 1}).json()["tags"] == {}


def test_an_item_may_be_put_back_as_it_was_returned_and_changed(storage):
    item = storage.ask("PUT", "a", {"data": {"n": 1}}).json()
    item["data"]["n"] = 2
    again = storage.ask("PUT", "a", item)
    assert (again.status_code, again.json()["data"]) == (200, {"n": 2})
    assert storage.ask("PUT", "a", {"data": 3}, headers={"If-Match": again.json()["etag"]}).status_code == 200
    assert storage.ask("PUT", "a", {"data": 3}, headers={"If-Match": again.json()["etag"]}).status_code == 409


def test_the_checks_of_a_put_come_in_their_order(storage):
    item = storage.ask("PUT", "a", {"data": 1}).json()
    wrong = {"If-Match": "other"}

    def said(body):
        return storage.ask("PUT", "a", body, headers=wrong).json()["message"]

    assert said({"etag": item["etag"]}) == 'data: "data" is required'
    assert said({"data": "", "etag": item["etag"]}).startswith("No data was provided")
    assert said({"data": 1, "etag": item["etag"]}).startswith("The etag in the body")
    assert said({"data": 1}) == "Conflict"


def test_storage_does_not_ask_whether_the_subscription_exists(storage):
    embedded = storage.embedded
    path = f"{embedded.a}/subscription/sub-{secrets.token_hex(8)}/storage/{storage.root}"
    assert embedded.request("PUT", path, json={"data": 1}).status_code == 200
    assert embedded.request("GET", path).json()["data"] == 1
    assert storage.ask("GET").status_code == 404


def test_another_accounts_storage_is_forbidden(storage):
    embedded = storage.embedded
    path = f"/v1/account/acc-{'0' * 16}/subscription/{embedded.subscription}/storage/a"
    for method in ("GET", "PUT", "DELETE"):
        assert embedded.request(method, path, json={"data": 1}).status_code == 403
