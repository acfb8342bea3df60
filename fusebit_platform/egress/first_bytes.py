"""What may be said on a connection: TLS or HTTP on the web's ports; to the platform itself nothing but `/v1/`."""

import re

import httptools

from fusebit_platform.egress.rules import Denied

REQUEST = re.compile(rb"[A-Z]{1,16}( |$)")
TLS_HANDSHAKE = b"\x16"
OWN_PATHS = re.compile(r"/v1/(?!metrics|refresh|health/)[^\s]*", re.IGNORECASE)
DOT_SEGMENT = re.compile(r"/(\.|%2e){1,2}(?=[/?#]|$)", re.IGNORECASE)
MAX_HEAD = 128 * 1024


class Anything:
    """Let every byte through."""

    def pass_on(self, chunk: bytes) -> bytes:
        """Return what of the chunk, and of what was held back before, goes out now; raise Denied."""
        return chunk


class Web(Anything):
    """Refuse a connection that does not begin as the web's do."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._begun = False

    def pass_on(self, chunk: bytes) -> bytes:
        """Look at the first bytes only."""
        if not self._begun:
            self._begun = True
            if self._port == 443 and not chunk.startswith(TLS_HANDSHAKE):
                raise Denied("only TLS may be spoken on port 443; this is raw TCP.")
            if self._port == 80 and REQUEST.match(chunk[:17]) is None:
                raise Denied("only HTTP may be spoken on port 80; this is raw TCP.")
        return chunk


class OwnApi(Anything):
    """Let requests to `/v1/` through, whole heads at a time, and no other.

    The parser is the one that reads them on the other side, so that both see the same requests.
    """

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._held = b""
        self._in_head = False
        self._url = b""
        self._denied = ""

    def on_message_begin(self) -> None:
        """A request begins; nothing of it goes out before its head is judged."""
        self._in_head, self._url = True, b""

    def on_url(self, url: bytes) -> None:
        """Collect the target."""
        self._url += url

    def on_headers_complete(self) -> None:
        """Judge the target."""
        self._in_head = False
        target = self._url.decode("latin-1")
        if OWN_PATHS.fullmatch(target) is None or DOT_SEGMENT.search(target) is not None:
            self._denied = "of the platform itself functions reach the API below /v1/ only."

    def pass_on(self, chunk: bytes) -> bytes:
        """Hold back what ends inside a head."""
        try:
            self._parser.feed_data(chunk)
        except httptools.HttpParserUpgrade:
            self._denied = "the platform's own API has no upgrades."
        except httptools.HttpParserError:
            self._denied = "only HTTP may be spoken to the platform's own API."
        self._held += chunk
        if self._denied or len(self._held) > MAX_HEAD + len(chunk):
            raise Denied(self._denied or "the head of the request is too large.")
        if self._in_head:
            return b""
        out, self._held = self._held, b""
        return out
