"""The shapes of requests that are kept with a function, by name."""

from typing import Any
from urllib.parse import urlencode

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from tenants.api.serializers.runs import Invocation
from tenants.api.serializers.strict import StrictSerializer, Text
from tenants.forms import CallForm
from tenants.models import Case
from tenants.services import invocations

IDENTITIES = [invocations.ME, invocations.ANONYMOUS, invocations.CHOSEN]


class CaseRequest(Invocation):
    """A request of the test panel: a call, and as whom it is made."""

    identity = serializers.ChoiceField(
        choices=IDENTITIES, default=invocations.ME, help_text="chosen: with a token that holds exactly `actions`."
    )
    actions = serializers.ListField(
        child=serializers.ChoiceField(choices=list(invocations.ACTIONS)), required=False, default=list
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "An order without a token",
            value={
                "name": "Order without a token",
                "request": {"method": "POST", "path": "/orders", "body": {"order": 42}, "identity": "anonymous"},
            },
            request_only=True,
        )
    ]
)
class NewCase(StrictSerializer):
    """The body of POST cases; one that is kept under the name already is replaced."""

    name = Text(max_length=80, allow_blank=False)
    request = CaseRequest()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "An order without a token",
            value={
                "id": 7,
                "name": "Order without a token",
                "updated_at": "2026-01-31T09:00:00Z",
                "request": {
                    "method": "POST",
                    "path": "/orders",
                    "query": {},
                    "headers": {},
                    "body": '{"order": 42}',
                    "identity": "anonymous",
                    "actions": [],
                },
            },
            response_only=True,
        )
    ]
)
class CaseRow(serializers.ModelSerializer[Case]):
    """A request that is kept; its body is text, as it is sent."""

    request = serializers.SerializerMethodField()

    class Meta:
        """With the request."""

        model = Case
        fields = ["id", "name", "updated_at", "request"]

    @extend_schema_field(CaseRequest)
    def get_request(self, case: Case) -> dict[str, Any]:
        """Return the request, taken apart."""
        call = call_of(case)
        return {
            "method": call.method,
            "path": call.path,
            "query": dict(call.query),
            "headers": dict(call.headers),
            "body": call.body.decode("utf-8", "replace"),
            "identity": call.identity,
            "actions": list(call.actions),
        }


def call_of(case: Case) -> invocations.Call:
    """Return the call that the kept fields of the test panel describe."""
    form = CallForm(case.request)
    form.is_valid()  # they were when they were kept
    chosen = form.cleaned_data
    return invocations.Call(
        method=chosen.get("method", "GET"),
        path=chosen.get("path", ""),
        query=chosen.get("query", ()),
        headers=chosen.get("headers", ()),
        body=str(case.request.get("body", "")).encode("utf-8", "replace"),
        identity=chosen.get("identity") or invocations.ME,
        actions=tuple(chosen.get("actions", ())),
    )


def as_panel(call: invocations.Call) -> dict[str, Any]:
    """Return the call as the fields of the test panel."""
    return {
        "method": call.method,
        "path": call.path,
        "query": urlencode(call.query),
        "headers": "\n".join(f"{name}: {value}" for name, value in call.headers),
        "body": call.body.decode("utf-8", "replace"),
        "identity": call.identity,
        "actions": list(call.actions),
    }
