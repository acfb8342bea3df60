"""The shapes of calls."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from tenants.api.serializers.strict import StrictSerializer, Text
from tenants.models import Run
from tenants.services import catalogue


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A JSON body",
            value={"method": "POST", "path": "/orders", "query": {"dry": "1"}, "body": {"order": 42}},
            request_only=True,
        )
    ]
)
class Invocation(StrictSerializer):
    """The body of POST invoke; an object as `body` is sent as JSON, a string as it is."""

    method = serializers.ChoiceField(choices=["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"], default="GET")
    path = Text(required=False, max_length=2000, default="")
    query = serializers.DictField(child=Text(), required=False, default=dict)
    headers = serializers.DictField(child=Text(), required=False, default=dict)
    body = serializers.JSONField(required=False, default=None, allow_null=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample("As it was sent, on another version", value={"version": 3}, request_only=True),
        OpenApiExample(
            "A webhook that came from outside, whose body is pasted",
            value={"request": {"method": "POST", "path": "/hook", "body": {"order": 42}}},
            request_only=True,
        ),
    ]
)
class WantedReplay(StrictSerializer):
    """The body of POST replay: the live version when none is named, what is kept when no request is given."""

    version = serializers.IntegerField(required=False, min_value=1)
    request = Invocation(required=False)


class RunRow(serializers.ModelSerializer[Run]):
    """A call that was made."""

    class Meta:
        """Everything that is kept of it."""

        model = Run
        fields = [
            *("id", "created_at", "method", "path", "status", "duration_ms", "size", "version_number"),
            *("cause", "message", "reference_id", "permissions", "missing", "kind", "source", "trace_id", "cpu_ms"),
        ]


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A greeting",
            value={
                "status": 200,
                "headers": {"content-type": "application/json"},
                "body": {"hello": "Ada"},
                "duration_ms": 3.1,
                "run": {"id": "0b0c9a4e-5c3f-4b57-9a43-0a4b7b7d2f11", "method": "GET", "status": 200, "cause": ""},
            },
            response_only=True,
        )
    ]
)
class InvocationAnswer(serializers.Serializer[Any]):
    """What the function answered, whatever it was."""

    status = serializers.IntegerField()
    headers = serializers.DictField(child=serializers.CharField())
    body = serializers.JSONField(help_text="Parsed when the function answered JSON, else text.")
    duration_ms = serializers.FloatField()
    run = RunRow()


class RunFilter(StrictSerializer):
    """What a list of calls is narrowed by."""

    STATUSES = ["failed", "2xx", "3xx", "4xx", "5xx"]

    status = serializers.ChoiceField(choices=STATUSES, required=False)
    cause = serializers.ChoiceField(choices=sorted(catalogue.CAUSES), required=False)
    method = serializers.CharField(max_length=8, required=False)
    version = serializers.IntegerField(min_value=1, max_value=2_000_000_000, required=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    q = serializers.CharField(max_length=200, required=False)
    before = serializers.CharField(max_length=80, required=False)


class LogLine(serializers.Serializer[Any]):
    """A line that a call printed."""

    at = serializers.DateTimeField(allow_null=True)
    text = serializers.CharField()
    is_error = serializers.BooleanField()


class RunDetail(RunRow):
    """A call with what is known beside the row."""

    explanation = serializers.CharField(help_text="What happened and what to do; empty when all went well.")
    logs = LogLine(many=True)
    logs_missing = serializers.CharField(help_text="Why there are no lines, if not because none were printed.")
    request = serializers.JSONField(allow_null=True, help_text="As it was sent, where it is kept.")

    class Meta(RunRow.Meta):
        """The row and the rest."""

        fields = [*RunRow.Meta.fields, "explanation", "logs", "logs_missing", "request"]


class ReplayAnswer(serializers.Serializer[Any]):
    """The new call, or why there is none."""

    run = RunRow(allow_null=True)
    problem = serializers.CharField(allow_blank=True)
