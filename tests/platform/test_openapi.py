"""The OpenAPI document describes every route with what its declarations say."""

import pytest
from jsonschema import Draft202012Validator

from tests.embedded import EmbeddedFusebit

FUNCTION = "/v1/account/{accountId}/subscription/{subscriptionId}/boundary/{boundaryId}/function/{functionId}"


@pytest.fixture(scope="module")
def document(embedded: EmbeddedFusebit) -> dict:
    answer = embedded.request("GET", "/v1/openapi.json", token=None)
    assert answer.status_code == 200
    return answer.json()


def test_the_document_is_openapi_3_1_and_names_the_version(document):
    assert document["openapi"] == "3.1.0"
    assert document["info"]["version"] == "1.41.1"
    assert document["security"] == [{"token": []}]


def test_every_route_and_method_is_described_once(document):
    from fusebit_platform.urls import urlpatterns

    described = {(path, method) for path, operations in document["paths"].items() for method in operations}
    handled = 0
    for pattern in urlpatterns:
        if "/v1/" in str(pattern.pattern):
            methods = ("get", "post", "put", "patch", "delete")
            handled += sum(hasattr(pattern.callback.cls, method) for method in methods)
    assert len(described) == handled
    ids = [operation["operationId"] for operations in document["paths"].values() for operation in operations.values()]
    assert len(set(ids)) == len(ids)


def test_bodies_and_queries_are_those_that_are_checked(document):
    put = document["paths"][FUNCTION]["put"]
    body = put["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert "nodejs" in document["components"]["schemas"][body]["properties"]
    names = [parameter["name"] for parameter in document["paths"]["/v1/account/{accountId}/audit"]["get"]["parameters"]]
    assert {"accountId", "from", "to", "action", "next", "count"} <= set(names)
    pattern = put["parameters"][0]["schema"]["pattern"]
    assert pattern == "^acc-[a-f0-9]{16}$"


def test_every_schema_is_one_and_every_reference_leads_somewhere(document):
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)

    def references(node):
        if isinstance(node, dict):
            yield from [node["$ref"]] if "$ref" in node else []
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    assert {name.rpartition("/")[2] for name in references(document)} <= set(schemas)


def test_the_page_for_people_is_there_where_the_operator_exposes_it(embedded):
    assert embedded.request("GET", "/", token=None).status_code == 404
    server = EmbeddedFusebit(environment={"API_EXPOSE_DOCS": "1"}).start()
    try:
        page = server.request("GET", "/", token=None)
    finally:
        server.stop()
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "/v1/account/{accountId}/audit" in page.text
