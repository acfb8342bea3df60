"""The human page of the API: the same OpenAPI document, laid out for reading."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

VERBS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Field:
    """A member of a request body."""

    name: str
    kind: str
    required: bool


@dataclass(frozen=True)
class Operation:
    """What can be asked, and what comes back."""

    anchor: str
    verb: str
    path: str
    summary: str
    headers: list[str]
    fields: list[Field]
    answers: list[str]


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Show every operation; the page says nothing of anybody, so it is public."""
    return render(
        request, "tenants/api.html", {"operations": operations(), "site": f"{request.scheme}://{request.get_host()}"}
    )


@lru_cache(maxsize=1)
def operations() -> list[Operation]:
    """Return the operations of the OpenAPI document, in the order of their paths."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # the library has no types
    schema = generator.get_schema(public=True)  # type: ignore[no-untyped-call]
    document = json.loads(json.dumps(schema, default=str))
    schemas = document["components"]["schemas"]
    found = [
        _operation(verb, path, item[verb], schemas)
        for path, item in document["paths"].items()
        for verb in VERBS
        if verb in item
    ]
    return [operation for operation in found if not operation.path.endswith("/schema/")]


def _operation(verb: str, path: str, described: dict[str, Any], schemas: dict[str, Any]) -> Operation:
    parameters = described.get("parameters", ())
    return Operation(
        anchor=described["operationId"],
        verb=verb.upper(),
        path=path,
        summary=described.get("description", ""),
        headers=[parameter["name"] for parameter in parameters if parameter["in"] == "header"],
        fields=_fields(described.get("requestBody", {}), schemas),
        answers=list(described["responses"]),
    )


def _fields(body: dict[str, Any], schemas: dict[str, Any]) -> list[Field]:
    reference = body.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    schema = schemas.get(reference.rpartition("/")[2], {})
    required = schema.get("required", ())
    return [
        Field(name, _kind(member, schemas), name in required) for name, member in schema.get("properties", {}).items()
    ]


def _kind(member: dict[str, Any], schemas: dict[str, Any]) -> str:
    references = [
        part["$ref"] for part in (member, *member.get("allOf", ()), *member.get("oneOf", ())) if "$ref" in part
    ]
    if references:
        member = schemas.get(references[0].rpartition("/")[2], {})
    if "enum" in member:
        return " | ".join(str(value) for value in member["enum"])
    kind = member.get("type", "any JSON")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
