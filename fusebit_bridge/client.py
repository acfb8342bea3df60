"""The one place where requests leave for Fusebit: no redirects, proxies or cookies; limits on time and size.

Nothing is retried here but a GET whose connection failed before the first byte of an answer, once; whoever
calls knows what may be repeated.
"""

import json
import logging
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlencode

import requests
import urllib3
from requests.adapters import HTTPAdapter

from fusebit_bridge import witness
from fusebit_bridge.answers import Reply, error_of, moment_of
from fusebit_bridge.errors import FusebitError, InvalidName, UnexpectedAnswer, Unreachable
from fusebit_bridge.events import EventStream
from fusebit_bridge.pace import Pace
from fusebit_bridge.resources import Path
from fusebit_bridge.tokens import Token

CONNECT_TIMEOUT_S = 3.05
READ_TIMEOUT_S = 15.0
JSON_LIMIT = 1024 * 1024
POOL_SIZE = 32
CHUNK = 64 * 1024
SKEW_FORGIVEN_S = 60.0
SKEW_NOTICED_S = 2.0  # the Date header has whole seconds
USER_AGENT = "fusebit-onboarding/1"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """How long to wait for an answer in all, in seconds, and how many bytes of it to take."""

    seconds: float = READ_TIMEOUT_S
    size: int = JSON_LIMIT


class Requestor:
    """Speaks to one Fusebit; may be shared by threads, which share its connections and nothing else."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.pace: Pace | None = None
        self.skew_s = 0.0  # Fusebit's clock minus ours, as its last answer showed
        self._session = requests.Session()
        self._session.trust_env = False  # neither proxies nor .netrc: a token goes to one host
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # functions set cookies
        self._session.headers.clear()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=POOL_SIZE, max_retries=0))

    def now(self) -> float:
        """Return the time to write into tokens: ours, moved towards Fusebit's by a minute at most."""
        return time.time() + max(-SKEW_FORGIVEN_S, min(self.skew_s, SKEW_FORGIVEN_S))

    def ask(
        self,
        method: str,
        path: Path,
        *,
        token: Token,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        seconds: float = READ_TIMEOUT_S,
    ) -> Reply:
        """Send a management request and return its 2xx answer, or raise what its status stands for.

        Contract 1.5, 2.5. `seconds` bounds the whole answer.
        """
        headers = {"Accept": "application/json"}
        url, content = f"{self.base_url}/v1{path.text}", b""
        try:
            url += f"?{urlencode(query)}" if query else ""
            if body is not None:
                content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
                headers["Content-Type"] = "application/json"
        except (ValueError, TypeError, RecursionError):  # half a character, NaN, endless nesting
            raise InvalidName("The request has a value that JSON cannot carry.") from None
        limits = Limits(seconds)
        again = method == "GET"
        reply = self.send(method, url, headers=headers.items(), token=token, body=content, limits=limits, again=again)
        self._notice_skew(reply)
        if not 200 <= reply.status < 300:
            raise error_of(reply)
        return reply

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Iterable[tuple[str, str]],
        token: Token | None = None,
        body: bytes = b"",
        limits: Limits = Limits(),
        again: bool = False,
        named: str = "",
    ) -> Reply:
        """Send one request to exactly `url` and return whatever is answered, redirects included.

        With `again`, a connection that fails before the first byte of an answer is tried once more. `named` stands
        in logs for a URL that may hold what is not ours to write down.
        Raise InvalidName when the URL would not travel byte for byte, Unreachable without an answer, and
        UnexpectedAnswer when the answer is cut short or larger than the limit.
        """
        reference_id = secrets.token_hex(8)
        prepared = _prepare(method, url, headers, body, reference_id)
        if token is not None:  # not among `headers`: error reports show the variables of every frame
            prepared.headers["Authorization"] = f"Bearer {token.text}"
        request = f"{method} {named or url.removeprefix(self.base_url)}"
        started = time.monotonic()
        try:
            reply = self._attempt(prepared, limits, reference_id, again)
        except FusebitError as error:
            spent = (time.monotonic() - started) * 1000
            words = json.dumps({"message": error.message}).encode()
            witness.note(request, body, status=0, answered=words, reference_id=reference_id, duration_ms=spent)
            raise
        spent = (time.monotonic() - started) * 1000
        logger.info(
            "%s %s answered %d in %.0f ms, request %s",
            *(method, named or url.partition("?")[0], reply.status, spent, reference_id),
        )
        witness.note(
            request, body, status=reply.status, answered=reply.body, reference_id=reference_id, duration_ms=spent
        )
        return reply

    def _attempt(self, prepared: requests.PreparedRequest, limits: Limits, reference_id: str, again: bool) -> Reply:
        with _failures_named(reference_id):
            try:
                return self._exchange(prepared, limits, reference_id)
            except requests.ConnectionError as error:
                if not again or isinstance(error, requests.Timeout):
                    raise
                return self._exchange(prepared, limits, reference_id)

    def stream(self, path: Path, *, token: Token, query: Mapping[str, str], seconds: float) -> EventStream:
        """Open a stream of events; raise what a refusal stands for. `seconds` is the longest silence."""
        reference_id = secrets.token_hex(8)
        url = f"{self.base_url}/v1{path.text}" + (f"?{urlencode(query)}" if query else "")
        prepared = _prepare("GET", url, [("Accept", "text/event-stream")], b"", reference_id)
        prepared.headers["Authorization"] = f"Bearer {token.text}"
        with _failures_named(reference_id):
            response = self._session.send(
                prepared, stream=True, allow_redirects=False, timeout=(CONNECT_TIMEOUT_S, seconds)
            )
            if response.status_code == 200:
                return EventStream(response)
            try:
                body = b"".join(_chunks(response, Limits(), time.monotonic() + READ_TIMEOUT_S, reference_id))
            finally:
                response.close()
        raise error_of(Reply(response.status_code, tuple(response.raw.headers.items()), body, 0.0, reference_id))

    def _exchange(self, prepared: requests.PreparedRequest, limits: Limits, reference_id: str) -> Reply:
        if self.pace is not None:
            self.pace.wait()
        started = time.monotonic()
        response = self._session.send(
            prepared, stream=True, allow_redirects=False, timeout=(CONNECT_TIMEOUT_S, limits.seconds)
        )
        try:
            body = b"".join(_chunks(response, limits, started + limits.seconds, reference_id))
        finally:
            response.close()
        return Reply(
            status=response.status_code,
            headers=tuple(response.raw.headers.items()),  # repeated headers stay repeated
            body=body,
            duration_ms=(time.monotonic() - started) * 1000,
            reference_id=reference_id,
        )

    def _notice_skew(self, reply: Reply) -> None:
        """Compare the clocks by an answer of Fusebit's own: what a function answers has a date of its making."""
        moment = moment_of(reply.header("date"))
        if moment is not None:
            skew = moment.timestamp() - time.time()
            self.skew_s = skew if abs(skew) > SKEW_NOTICED_S else 0.0


def _prepare(
    method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes, reference_id: str
) -> requests.PreparedRequest:
    sent = {
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "identity",
        **dict(headers),
        "X-Request-Id": reference_id,
    }
    try:
        prepared = requests.Request(method, url, headers=sent, data=body or None).prepare()
    except (requests.RequestException, ValueError) as error:
        raise InvalidName("The request cannot be sent as it is written.", detail=type(error).__name__) from None
    if prepared.url != url:
        raise InvalidName("The path cannot be sent as it is written.", detail=f"{url!r:.200} would not travel as it is")
    return prepared


def _chunks(response: requests.Response, limits: Limits, deadline: float, reference_id: str) -> Iterator[bytes]:
    """Yield the body as it comes, so that neither a slow nor an endless one holds us."""
    size = 0
    while chunk := response.raw.read1(CHUNK, decode_content=False):
        size += len(chunk)
        if size > limits.size:
            raise UnexpectedAnswer(f"The answer is larger than {limits.size // 1024} KiB.", reference_id=reference_id)
        if time.monotonic() > deadline:
            raise Unreachable("The answer took too long.", reference_id=reference_id)
        yield chunk


@contextmanager
def _failures_named(reference_id: str) -> Iterator[None]:
    """Turn what the HTTP library raises into our errors, without its texts: they may quote headers."""
    try:
        yield
    except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
        raise Unreachable(
            "Fusebit did not answer in time.", reference_id=reference_id, detail=type(error).__name__
        ) from None
    except requests.ConnectionError as error:
        logger.info("no answer to request %s: %s", reference_id, type(error).__name__)
        raise Unreachable(reference_id=reference_id, detail=_reason(error)) from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise UnexpectedAnswer(
            "Fusebit's answer was cut short.", reference_id=reference_id, detail=type(error).__name__
        ) from None


def _reason(error: Exception) -> str:
    """Return the innermost exception's words: the outer ones repeat the URL with its query."""
    inner: BaseException = error
    while inner.args and isinstance(inner.args[0], BaseException):
        inner = inner.args[0]
    inner = getattr(inner, "reason", None) or inner
    return f"{type(inner).__name__}: {str(inner).rpartition(': ')[2]}"[:200]
