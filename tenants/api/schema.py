"""What the OpenAPI document could not find out by itself: the token, and lists."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the library has no types
    """`Authorization: Bearer <token>`, as OpenAPI 3.1 4.8.27 names it."""

    target_class = "tenants.api.authentication.ApiTokenAuthentication"
    name = "apiToken"

    def get_security_definition(self, _auto_schema: object) -> dict[str, str]:
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer", "description": "Made on the page “Tokens”."}


def listed(row: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return the shape of a list answer: `{"items": [row, …]}`."""
    return inline_serializer(name=f"{row.__name__}s", fields={"items": row(many=True)})


ERROR = {
    "type": "object",
    "description": "Every answer from 400 on has this shape.",
    "required": ["status", "statusCode", "code", "message"],
    "properties": {
        "status": {"type": "integer"},
        "statusCode": {"type": "integer", "description": "The same again."},
        "code": {"type": "string", "description": "For machines; stays what it is."},
        "message": {"type": "string", "description": "For people."},
        "fields": {"type": "object", "description": "Where a field is at fault: its name, and what is wrong."},
        "reference": {"type": "string", "description": "To quote to an operator."},
        "current": {"type": "integer", "description": "With 412: the version that is the latest now."},
    },
    "examples": [
        {"status": 404, "statusCode": 404, "code": "not_found", "message": "There is no such thing here."},
    ],
}
ANSWERS = {
    "400": "The request is at fault.",
    "401": "There is no token, or it is not good.",
    "403": "The role, or the scope of the token, does not allow this.",
    "404": "There is no such thing, or it is somebody else's.",
    "409": "The state of things does not allow this now.",
    "412": "Somebody saved after the version that If-Match names.",
    "428": "If-Match is missing.",
    "429": "Too many requests; Retry-After says in how many seconds to come again.",
    "503": "Fusebit did not answer.",
}
EVERYWHERE = frozenset({"401", "403", "429"})
CHANGES = frozenset({"400", "409"})


def with_errors(result: dict[str, Any], **_more: Any) -> dict[str, Any]:
    """Describe the errors of every operation, and the header by which a request is found again."""
    result["components"]["schemas"]["Error"] = ERROR
    for path, item in result["paths"].items():
        if "/tenants/" not in path:
            continue
        for verb, operation in item.items():
            for status in sorted(_statuses(path, verb)):
                operation["responses"].setdefault(status, _error(ANSWERS[status]))
    return result


def _statuses(path: str, verb: str) -> set[str]:
    statuses = set(EVERYWHERE)
    if "{" in path:
        statuses.add("404")
    if verb != "get" or path.endswith("/audit/"):
        statuses |= CHANGES
    if verb == "put":
        statuses |= {"412", "428"}
    if path.endswith(("/invoke/", "/tokens/", "/run/")) and verb == "post":
        statuses.add("503")
    return statuses


def _error(description: str) -> dict[str, Any]:
    reference = {"description": "To find the request in logs.", "schema": {"type": "string"}}
    return {
        "description": description,
        "headers": {"X-Request-Id": reference},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
