"""Contract 5.6: lists of functions, their tags, and searches for them."""

import json

import pytest

from tests.platform.specified import INDEX, Place


@pytest.fixture
def place(embedded, boundary) -> Place:
    return Place(embedded, boundary)


@pytest.fixture
def several(embedded, boundary):
    """Five functions with tags."""
    for number, value in enumerate([1, "1", True, None, "a=b"]):
        spec = {**INDEX, "metadata": {"tags": {"n": value, f"own{number}": "x", "deep": {"no": 1}}}}
        assert embedded.request("PUT", embedded.f(boundary, f"f{number}"), json=spec).status_code == 200
    return boundary


def listed(embedded, boundary, query=""):
    answer = embedded.request("GET", f"{embedded.b(boundary)}/function{query}")
    assert answer.status_code == 200, answer.text
    return [item["functionId"] for item in answer.json()["items"]]


def test_items_have_four_members_and_tags_on_request(embedded, several):
    items = embedded.request("GET", f"{embedded.b(several)}/function").json()["items"]
    assert all(set(item) == {"boundaryId", "functionId", "schedule", "location"} for item in items)
    items = embedded.request("GET", f"{embedded.b(several)}/function?include=all").json()["items"]
    tags = items[1]["runtime"]["tags"]
    assert (tags["tag.n"], tags["cron"], tags["tag.own1"]) == (1, False, "x")
    assert "tag.deep" not in tags
    assert "routes" not in tags


def test_pages_are_in_byte_order(embedded, boundary):
    names = ["B", "a", "A-1", "0", "a-b", "ab"]
    for name in names:
        embedded.request("PUT", embedded.f(boundary, name), json=INDEX)
    seen, query = [], "?count=2"
    for _page in range(3):
        page = embedded.request("GET", f"{embedded.b(boundary)}/function{query}").json()
        seen += [item["functionId"] for item in page["items"]]
        query = f"?count=2&next={page.get('next')}"
    assert seen == sorted(names)
    assert "next" not in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?search=tag.n", [0, 1, 2, 3, 4]),
        ("?search=tag.n=", [0, 1, 2, 3, 4]),
        ("?search=tag.n=1", [0, 1]),
        ("?search=tag.n=true", [2]),
        ("?search=tag.n=null", [3]),
        ("?search=tag.n=a%3Db", [4]),
        ("?search=tag.own2", [2]),
        ("?search=tag.n=1&search=tag.own1", [1]),
        ("?search=tag.n=2", []),
        ("?search=cron=false", [0, 1, 2, 3, 4]),
        ("?cron=true", []),
        ("?cron=0&search=tag.n=2", [0, 1, 2, 3, 4]),
        ("?search=nope", []),
        ("?search=compute.memorySize=128", [0, 1, 2, 3, 4]),
        ("?name=zzz", [0, 1, 2, 3, 4]),
    ],
)
def test_search_compares_tags_by_type(embedded, several, query, expected):
    assert listed(embedded, several, query) == [f"f{number}" for number in expected]


def test_a_boundary_lists_its_own_functions_only(embedded, boundary):
    embedded.request("PUT", embedded.f(f"{boundary}x", "f"), json=INDEX)
    assert listed(embedded, boundary) == []
    assert listed(embedded, f"{boundary}x") == ["f"]


def test_a_page_is_never_empty_with_more_to_come(embedded, boundary):
    for number in range(5):
        spec = {**INDEX, "metadata": {"tags": {"last": number == 4}}}
        embedded.request("PUT", embedded.f(boundary, f"f{number}"), json=spec)
    page = embedded.request("GET", f"{embedded.b(boundary)}/function?count=2&search=tag.last=true").json()
    assert [item["functionId"] for item in page["items"]] == ["f4"]
    assert "next" not in page


def test_a_bad_next_of_functions_is_refused(embedded, boundary):
    for token in ("x", "e30", "WzFd", "WzEsMl0"):
        answer = embedded.request("GET", f"{embedded.b(boundary)}/function?next={token}")
        assert (answer.status_code, answer.json()["message"]) == (400, "invalid 'next' parameter")


def test_resources_are_rendered_into_tags_and_kept_as_templates_in_security(place):
    resource = "/{{fusebit.boundaryId}}/{{tag.x}}/{{{tag.x}}}/{{nothing}}"
    authorization = [{"action": "a", "resource": resource}]
    security = {"authentication": "required", "authorization": authorization}
    place.put(security=security, metadata={"tags": {"x": "a/b"}})
    shown = place.get()
    assert shown["security"] == security
    rendered = json.loads(shown["runtime"]["tags"]["security.authorization"])
    assert rendered == [{"action": "a", "resource": f"/{place.boundary}/a&#x2F;b/a/b/"}]
