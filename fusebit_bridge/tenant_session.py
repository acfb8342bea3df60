"""Functions of one boundary, on behalf of one person: Fusebit's own grants limit it, and each token again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fusebit_bridge import tokens
from fusebit_bridge.answers import Reply
from fusebit_bridge.client import Limits, Requestor
from fusebit_bridge.errors import InvalidName, UnexpectedAnswer
from fusebit_bridge.events import EventStream
from fusebit_bridge.execution import METHODS, passed_on, trusted, url_of
from fusebit_bridge.permissions import Statement
from fusebit_bridge.resources import Boundary, Function
from fusebit_bridge.tokens import Token, TokenSource

PUT_SECONDS = 45.0
EXECUTE_SECONDS = 60.0
ANSWER_LIMIT = 6 * 1024 * 1024 + 64 * 1024  # contract 6.5: about 6 MB
PAGE = "100"
RUNS_SECONDS = 5.0
SILENCE_SECONDS = 30.0  # Fusebit gives a sign of life every ten
PAGES_AT_MOST = 1_000


@dataclass(frozen=True)
class Publication:
    """What became of a PUT: `deployed`, `unchanged`, or `building` under `build_id` (contract 5.4)."""

    status: str
    build_id: str = ""
    version: int | None = None
    location: str = ""


@dataclass(frozen=True)
class Answer:
    """What a function, or whoever stood before it, answered.

    `source` is `function`, `provider`, `proxy`, or empty when the call was refused before it ran (contract
    6.5); `permissions` are those of the token that was sent; `reference_id` is the X-Request-Id of the call.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    duration_ms: float
    source: str
    permissions: list[dict[str, str]]
    reference_id: str = ""
    trace_id: str = ""


class TenantSession:
    """Reads, writes and calls functions of one boundary as one person."""

    def __init__(
        self,
        requestor: Requestor,
        source: TokenSource,
        boundary: Boundary,
        boundary_id: str,
        origins: Iterable[str],
    ) -> None:
        self._requestor = requestor
        self._source = source
        self._boundary = boundary
        self._boundary_id = boundary_id
        self._origins = (requestor.base_url, *origins)

    def put_function(self, name: str, specification: Mapping[str, Any]) -> Publication:
        """Replace the function by `specification` (contract 5.1); raise BuildFailed in the builder's words."""
        function = self._boundary.function(name)
        token = tokens.put(self._source, function, _wanted_by_code(specification))
        reply = self._requestor.ask("PUT", function, token=token, body=specification, seconds=PUT_SECONDS)
        return _publication(reply)

    def build(self, name: str, build_id: str) -> Publication:
        """Return how far the build is; raise BuildFailed when it failed (contract 5.5)."""
        path = self._boundary.function(name).build(build_id)
        return _publication(self._requestor.ask("GET", path, token=self._reading()))

    def get_function(self, name: str) -> dict[str, Any]:
        """Return the function's specification as stored, with its serialised texts (contract 5.6)."""
        path = self._boundary.function(name)
        return self._requestor.ask("GET", path, token=self._reading(), query={"include": "all"}).json()

    def list_functions(self) -> list[dict[str, Any]]:
        """Return the list entries of all functions in the boundary, in Fusebit's order (contract 5.6)."""
        entries: list[dict[str, Any]] = []
        query = {"count": PAGE}
        for _ in range(PAGES_AT_MOST):
            reply = self._requestor.ask("GET", self._boundary.functions(), token=self._reading(), query=query)
            items, following = reply.read(lambda members: (list(members["items"]), members.get("next")))
            entries += [entry for entry in items if entry.get("boundaryId") == self._boundary_id]
            if not following:
                return entries
            query = {"count": PAGE, "next": str(following)}
        raise UnexpectedAnswer("The list of functions does not end.")

    def delete_function(self, name: str) -> None:
        """Delete the function; raise Missing when there is none."""
        function = self._boundary.function(name)
        self._requestor.ask("DELETE", function, token=tokens.delete(self._source, function))

    def location(self, name: str) -> str:
        """Ask where the function runs, which is never put together from parts (contract 5.6)."""
        path = self._boundary.function(name).location()
        reply = self._requestor.ask("GET", path, token=self._reading())
        location = reply.read(lambda members: members["location"])
        if not isinstance(location, str):
            raise reply.unexpected("the location is not a string")
        return location

    def execute(
        self,
        location: str,
        name: str,
        method: str = "GET",
        path: str = "",
        query: Iterable[tuple[str, str]] = (),
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str = "",
        *,
        anonymous: bool = False,
        actions: Iterable[str] | None = None,
        seconds: float = EXECUTE_SECONDS,
    ) -> Answer:
        """Call the function at its `location` with a token for it alone, or with none when `anonymous`.

        `actions` are what that token may do on the function, where executing it is not what is wanted.

        Whatever status comes back is an Answer. Raise Untrusted, with nothing sent, when the location names
        another host; InvalidName for a method, path or header that cannot be sent; Unreachable without an
        answer, in which case the function may have run.
        """
        if method not in METHODS:
            raise InvalidName(f"The method must be one of {', '.join(sorted(METHODS))}.")
        function = self._boundary.function(name)
        url = url_of(trusted(location, self._origins), path, query)
        sent = passed_on(headers)
        if body and content_type:
            sent["content-type"] = _one_line(content_type)
        token = None if anonymous else self._calling(function, actions)
        limits = Limits(seconds, ANSWER_LIMIT)
        reply = self._requestor.send(
            method, url, headers=sent.items(), token=token, body=body, limits=limits, named=function.text
        )
        return Answer(
            status=reply.status,
            headers=list(reply.headers),
            body=reply.body,
            duration_ms=reply.duration_ms,
            source=reply.header("x-fx-response-source"),
            permissions=[statement.as_json() for statement in token.permissions] if token else [],
            reference_id=reply.reference_id,
            trace_id=reply.header("fusebit-trace-id"),
        )

    def runs(self, **query: str) -> tuple[list[dict[str, Any]], str]:
        """Return a page of what ran, refused calls too, and the cursor to go on from (extension `runs`)."""
        path, token = self._boundary.runs(), tokens.read_log(self._source, self._boundary)
        reply = self._requestor.ask("GET", path, token=token, query=query, seconds=RUNS_SECONDS)
        page: tuple[list[dict[str, Any]], str] = reply.read(
            lambda members: ([dict(item) for item in members["items"]], str(members.get("next") or ""))
        )
        return page

    def run(self, run_id: str) -> dict[str, Any]:
        """Return one run with its `logs`; raise Missing when Fusebit has let go of it."""
        token = tokens.read_log(self._source, self._boundary)
        return self._requestor.ask("GET", self._boundary.run(run_id), token=token, seconds=RUNS_SECONDS).json()

    def events(self, after: str = "", function: str = "", *, seconds: float = SILENCE_SECONDS) -> EventStream:
        """Open the live events of the boundary, or of one function, from `after` on (extension `events`)."""
        query = {name: value for name, value in (("after", after), ("functionId", function)) if value}
        token = tokens.read_log(self._source, self._boundary)
        return self._requestor.stream(self._boundary.events(), token=token, query=query, seconds=seconds)

    def _calling(self, function: Function, actions: Iterable[str] | None) -> Token:
        return (
            tokens.execute(self._source, function) if actions is None else tokens.trial(self._source, function, actions)
        )

    def _reading(self) -> Token:
        return tokens.read(self._source, self._boundary)


def _publication(reply: Reply) -> Publication:
    if reply.status == 204:
        return Publication("unchanged")

    def meaning(members: dict[str, Any]) -> Publication:
        if reply.status == 201:
            return Publication("building", build_id=str(members["buildId"]))
        version = members.get("version")
        return Publication(
            "deployed",
            build_id=str(members.get("buildId") or ""),
            version=int(version) if version is not None else None,
            location=str(members.get("location") or ""),
        )

    publication: Publication = reply.read(meaning)
    return publication


def _wanted_by_code(specification: Mapping[str, Any]) -> frozenset[Statement]:
    """Return what the code is to hold: Fusebit wants the author's token to hold it too (contract 3.6).

    Entries with a template in them cannot be named before Fusebit has rendered them and are left out.
    """
    security = specification.get("security") or {}
    requested = security.get("functionPermissions") if isinstance(security, Mapping) else None
    entries = requested.get("allow") if isinstance(requested, Mapping) else None
    return frozenset(
        Statement(entry["action"], entry["resource"])
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, Mapping)
        and all(isinstance(entry.get(member), str) for member in ("action", "resource"))
        and "{{" not in entry["resource"]
    )


def _one_line(value: str) -> str:
    passed_on([("content-type", value)])  # the same rule as for every other header
    return value.strip()
