"""Describes the routes as OpenAPI, from the same declarations that check the requests."""

import re
from collections.abc import Callable
from html import escape
from typing import Any, cast

from django.http import HttpResponse
from django.urls import URLPattern
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from pydantic import BaseModel

from fusebit_platform import configuration, resources
from fusebit_platform.api import base, transport
from fusebit_platform.errors import NotFound
from fusebit_platform.services.tags import SERVER_VERSION

PARAMETER = re.compile(r"\(\?P<(\w+)>[^)]*\)")
PATTERNS = {
    "accountId": resources.ACCOUNT_ID,
    "subscriptionId": resources.SUBSCRIPTION_ID,
    "boundaryId": resources.BOUNDARY_ID,
    "functionId": resources.FUNCTION_ID,
    "userId": resources.USER_ID,
    "clientId": resources.CLIENT_ID,
    "taskId": resources.TASK_ID,
}
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>HTTP API</title>
<meta name="color-scheme" content="light dark"><meta name="viewport" content="width=device-width">
<h1>HTTP API</h1><p>The same for programs: <a href="/v1/openapi.json">openapi.json</a></p>
<table>{rows}</table></html>"""
ERROR = {
    "type": "object",
    "required": ["status", "statusCode", "message"],
    "properties": {
        "status": {"type": "integer"},
        "statusCode": {"type": "integer"},
        "message": {"type": "string"},
        "properties": {"type": "object"},
    },
}


class Routes(EndpointEnumerator):
    """Reads paths off the expressions that `urls` matches."""

    def get_path_from_regex(self, path_regex: str) -> str:
        """Return the path with its parameters in braces."""
        path = path_regex.removeprefix("(?i)").removeprefix("^").removesuffix("$").removesuffix("/?")
        path = path.replace("(?:/(?P<rest>.*))?", "/{rest}").replace("\\.", ".")
        return PARAMETER.sub(r"{\1}", path)

    def should_include_endpoint(self, path: str, callback: Any) -> bool:
        """Leave out what is not part of the API."""
        return path.startswith("/v1/")


class Generator(SchemaGenerator):
    """Generates the document of this API alone."""

    endpoint_inspector_cls = Routes

    def create_view(self, callback: Any, method: str, request: Any = None) -> Any:
        """Return the endpoint with the schema that reads its declarations."""
        view = super().create_view(callback, method, request)  # type: ignore[no-untyped-call]
        view.schema = Described()
        view.schema.view = view
        return view


class Described(AutoSchema):
    """Describes one method of an endpoint."""

    @property
    def _endpoint(self) -> base.Endpoint:
        return cast("base.Endpoint", self.view)

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> dict[str, Any]:
        """Return the operation."""
        view = self._endpoint
        handler: Callable[..., Any] = getattr(view, method.lower())
        names = PARAMETER.findall(path_regex)
        operation: dict[str, Any] = {
            "operationId": f"{method.lower()}{re.sub(r'[^A-Za-z]+', '_', path.removeprefix('/v1')).rstrip('_')}",
            "summary": (handler.__doc__ or "").strip(),
            "tags": [type(view).__module__.rpartition(".")[2]],
            "parameters": [*map(_path_parameter, names), *self._query(method, registry)],
            "responses": self._responses(view, method),
        }
        if method in {"POST", "PUT", "PATCH"}:
            operation["requestBody"] = {"content": {"application/json": {"schema": self._body(method, registry)}}}
        action = view.actions.get(method)
        if action == base.PUBLIC:
            operation["security"] = []
        else:
            operation["description"] = f"Action: `{action}`."
        return operation

    def _query(self, method: str, registry: ComponentRegistry) -> list[dict[str, Any]]:
        if method not in self._endpoint.takes_query:
            return []
        properties = _definition(self._endpoint.query_shape, registry)["properties"]
        return [{"name": name, "in": "query", "schema": _said(schema)} for name, schema in properties.items()]

    def _body(self, method: str, registry: ComponentRegistry) -> dict[str, Any]:
        """Return the one form of the body, a choice of several, or any object."""
        declared = (
            (self._endpoint.shapes[method],)
            if method in self._endpoint.shapes
            else self._endpoint.forms.get(method, ())
        )
        forms = [_component(registry, form.__name__, _definition(form, registry)) for form in declared]
        if len(forms) == 1:
            return forms[0]
        return {"anyOf": forms} if forms else {"type": "object"}

    def _responses(self, view: base.Endpoint, method: str) -> dict[str, Any]:
        success = {"description": "Done.", "content": {"application/json": {"schema": {}}}}
        failure = {"content": {"application/json": {"schema": ERROR}}}
        answers = {"200": success, "400": {"description": "The request breaks a rule.", **failure}}
        if view.actions.get(method) != base.PUBLIC:
            answers["403"] = {"description": "Not authenticated, or not allowed.", **failure}
        answers["404"] = {"description": "Not there.", **failure}
        return answers


def _path_parameter(name: str) -> dict[str, Any]:
    schema = {"type": "string"} | ({"pattern": PATTERNS[name]} if name in PATTERNS else {})
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _said(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a query parameter that is there, for which null is no value."""
    choices = [choice for choice in schema.get("anyOf", [schema]) if choice.get("type") != "null"]
    return {name: value for name, value in choices[0].items() if name not in {"title", "default"}}


def _definition(shape: type[BaseModel], registry: ComponentRegistry) -> dict[str, Any]:
    """Return the JSON schema of a shape; those that it uses become components."""
    schema = shape.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
    for name, inner in schema.pop("$defs", {}).items():
        _component(registry, name, inner)
    return schema


def _component(registry: ComponentRegistry, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    component = ResolvedComponent(name, ResolvedComponent.SCHEMA, schema, name)  # type: ignore[no-untyped-call]
    registry.register_on_missing(component)
    return {"$ref": f"#/components/schemas/{name}"}


def document(patterns: list[URLPattern]) -> dict[str, Any]:
    """Return the OpenAPI document of the routes."""
    generator = Generator(patterns=patterns)  # type: ignore[no-untyped-call]
    generated: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    generated["openapi"] = "3.1.0"
    generated["info"] = {"title": "Fusebit HTTP API", "version": SERVER_VERSION}
    generated["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    generated["security"] = [{"token": []}]
    return generated


_document: list[dict[str, Any]] = []


def _current() -> dict[str, Any]:
    if not _document:
        from fusebit_platform.urls import urlpatterns

        _document[:] = [document(urlpatterns)]
    return _document[0]


class Document(base.Endpoint):
    """`/openapi.json`"""

    actions = {"GET": base.PUBLIC}
    traced = False

    def get(self) -> HttpResponse:
        """Return the OpenAPI document of this server."""
        return transport.answer(_current())


class Docs(base.Endpoint):
    """`/`, where the operator exposes it"""

    actions = {"GET": base.PUBLIC}
    traced = False

    def get(self) -> HttpResponse:
        """List the operations for people; the address is not there unless `API_EXPOSE_DOCS` is set."""
        if not configuration.current().exposes_docs:
            raise NotFound
        rows = [
            f"<tr><td>{method.upper()}<td><code>{escape(path)}</code><td>{escape(operation['summary'])}"
            for path, operations in _current()["paths"].items()
            for method, operation in operations.items()
        ]
        return HttpResponse(PAGE.format(rows="".join(rows)), content_type="text/html; charset=utf-8")
