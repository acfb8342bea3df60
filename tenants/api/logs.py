"""Live logs for scripts: server-sent events, with the same token, the same rules and the same errors as everything."""

from dataclasses import dataclass

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import selectors
from tenants.api.scope import TenantView
from tenants.models import ApiToken, Function
from tenants.services import event_streams, mirroring, tokens

STREAM = OpenApiResponse(
    OpenApiTypes.STR,
    description="`event: log` and `event: run` with an id to resume after; `event: end` says why it ends.",
)
RESUME = OpenApiParameter("Last-Event-ID", str, OpenApiParameter.HEADER, description="Resume after this event.")
AFTER = OpenApiParameter("after", str, description="The same, where a header cannot be sent.")


@dataclass(frozen=True)
class Following:
    """Who follows what, and by what right."""

    function: Function
    person: User
    token: object
    session_key: str

    def may_still(self) -> bool:
        """Ask for token or session, for the membership and for the function again."""
        alive = tokens.is_alive(self.token) if isinstance(self.token, ApiToken) else self._is_signed_in()
        tenant = self.function.tenant
        return (
            alive
            and selectors.memberships_of(self.person).filter(tenant=tenant).exists()
            and selectors.functions_of(tenant).filter(pk=self.function.pk).exists()
        )

    def _is_signed_in(self) -> bool:
        return SessionStore().exists(self.session_key)


class Logs(TenantView):
    """`…/{name}/logs/`: who may follow, and what; `stream` does the rest."""

    serializer_class = None
    query = frozenset({"after"})

    @extend_schema(
        operation_id="logs_follow", parameters=[RESUME, AFTER], responses={(200, "text/event-stream"): STREAM}
    )
    def get(self, request: Request, slug: str, name: str) -> Response:
        """Follow what the function prints and how it is called, as it happens."""
        following = Following(self.function(), self.person, request.auth, request.session.session_key or "")
        if not mirroring.reports(mirroring.EVENTS):
            raise NotFound("This Fusebit does not report what functions print.", code="not_reported")
        request._request.following = following  # type: ignore[attr-defined]  # noqa: SLF001 (for `stream`, below)
        return Response({})


async def stream(request: HttpRequest, slug: str, name: str) -> HttpResponseBase:
    """Let in whom the API lets in, then stream."""
    answer = await sync_to_async(_asked)(request, slug, name)
    following: Following | None = getattr(request, "following", None)
    if following is None or request.method != "GET":
        return answer
    after = event_streams.position(request.headers.get("Last-Event-ID") or request.GET.get("after", ""))
    events = event_streams.follow(
        function=following.function, after=after, may_still=sync_to_async(following.may_still)
    )
    response = StreamingHttpResponse(events, content_type="text/event-stream")
    response["Cache-Control"] = "no-store, private"
    response["X-Accel-Buffering"] = "no"
    return response


def _asked(request: HttpRequest, slug: str, name: str) -> HttpResponseBase:
    answer: HttpResponseBase = Logs.as_view()(request, slug=slug, name=name).render()
    return answer


stream.cls = Logs  # type: ignore[attr-defined]  # so that the OpenAPI document knows it like every other view
stream.initkwargs = {}  # type: ignore[attr-defined]
stream.csrf_exempt = True  # type: ignore[attr-defined]  # as all views of the API, which check it by themselves
stream.login_required = False  # type: ignore[attr-defined]  # IsAuthenticated refuses, in JSON
