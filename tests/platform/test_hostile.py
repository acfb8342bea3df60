"""No path, token, header or body makes the server fail: no 5xx, no traceback, and the next request is answered."""

import json
import os
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fusebit_platform.asgi import Application, get_application
from tests.embedded import EmbeddedFusebit, text_function

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "100"))
RELAXED = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ODD = [
    "..",
    ".",
    "%2e%2e",
    "%2f",
    "%00",
    "%",
    "%zz",
    "é",
    "*",
    "a" * 300,
    "",
    ";",
    "?",
    "acc-",
    "\\",
    "~",
    "%ff",
    "%0a",
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
KNOWN_KEYS = (
    "identities",
    "access",
    "allow",
    "publicKeys",
    "id",
    "nodejs",
    "files",
    "index.js",
    "compute",
    "routes",
    "security",
    "configuration",
    "metadata",
    "tags",
    "schedule",
    "cron",
    "data",
    "etag",
    "expires",
    "protocol",
    "profile",
    "oauth",
    "accessToken",
    "publicKey",
    "keyId",
    "computeSerialized",
    "path",
    "task",
    "functionPermissions",
    "redirectUrl",
)
known_keys = st.sampled_from(KNOWN_KEYS)
bodies = st.recursive(
    json_values,
    lambda inner: st.dictionaries(known_keys, inner, max_size=5) | st.lists(inner, max_size=3),
    max_leaves=15,
)


@pytest.fixture(scope="module")
def levels(embedded: EmbeddedFusebit) -> list[str]:
    """The paths that bodies are thrown at."""
    function = embedded.f("hostile", "f")
    embedded.request("PUT", function, json=text_function())
    return [
        embedded.a,
        f"{embedded.a}/user",
        f"{embedded.a}/client",
        f"{embedded.a}/init",
        f"{embedded.a}/user/{embedded.user}/init",
        f"{embedded.a}/issuer/hostile",
        f"{embedded.a}/subscription",
        f"{embedded.a}/registry/default",
        f"{embedded.s}/storage/hostile",
        function,
        f"{function}/redirect",
    ]


@RELAXED
@given(st.data())
def test_no_body_makes_a_server_error(embedded, levels, data):
    path = data.draw(st.sampled_from(levels))
    method = data.draw(st.sampled_from(["POST", "PUT", "PATCH"]))
    content = json.dumps(data.draw(bodies)).encode()
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))] + data.draw(st.binary(max_size=4))
    headers = {"content-type": "application/json"}
    answer = embedded.request(method, path, data=content, headers=headers)
    assert answer.status_code < 500, (method, path, content, answer.text)


@RELAXED
@given(
    st.lists(
        st.sampled_from([*ODD, "v1", "account", "user", "subscription", "storage", "issuer", "boundary"]), max_size=9
    )
    | st.lists(st.text(string.printable.strip() + "é", max_size=8), max_size=6),
    st.text(string.printable.strip(), max_size=20),
    st.sampled_from(["GET", "PUT", "DELETE", "HEAD", "PATCH", "POST", "OPTIONS", "TRACE"]),
)
def test_no_path_makes_a_server_error(embedded, segments, query, method):
    path = f"/v1/account/{embedded.account}/" + "/".join(segments).replace(" ", "")
    target = f"{path}?{query}".replace("#", "").encode("utf-8")
    token = embedded.token().encode()
    request = method.encode() + b" " + target + b" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token
    answer = embedded.raw(request + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    assert answer.split(b" ", 2)[1:2] < [b"500"], (target, answer[:300])


@RELAXED
@given(st.data())
def test_no_change_of_a_token_is_accepted_or_makes_a_server_error(embedded, data):
    token = embedded.token()
    position = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-_.=+/ "))
    changed = f"{token[:position]}{letter}{token[position + 1 :]}".strip()
    answer = embedded.request("GET", embedded.a, token=changed)
    assert answer.status_code == (200 if changed == token else 403), (token, changed)


@RELAXED
@given(json_values, json_values)
def test_no_claims_make_a_server_error(embedded, claims, header):
    content = claims if isinstance(claims, dict) else {"sub": claims, "iss": claims, "aud": embedded.base_url}
    extra = header if isinstance(header, dict) else {"kid": header}
    extra = {str(key): value for key, value in extra.items()}
    try:
        token = embedded.key.sign(content, **{key: value for key, value in extra.items() if key != "self"})
    except (TypeError, ValueError):
        return
    assert embedded.request("GET", f"{embedded.a}/me", token=token).status_code in {403, 431}


def test_deep_and_long_bodies_are_refused_quickly(embedded, levels):
    headers = {"content-type": "application/json"}
    for content in (
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b'{"metadata":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b"[" + b"1" * 90_000 + b"]",
        b'{"a":"' + b"\\ud800" + b'"}',
        '{"a":1}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b"{}\0",
    ):
        answer = embedded.request("PUT", levels[-2], data=content, headers=headers)
        assert answer.status_code == 400, content[:20]
        assert answer.elapsed.total_seconds() < 2


def test_a_route_that_asks_for_nothing_is_closed(embedded):
    """What the resolver knows is either public by name or needs a token."""
    from fusebit_platform.api.base import PUBLIC
    from fusebit_platform.urls import urlpatterns

    for pattern in urlpatterns:
        endpoint = pattern.callback.cls
        for method in ("get", "post", "put", "patch", "delete"):
            if hasattr(endpoint, method):
                assert endpoint.actions.get(method.upper()), endpoint
    public = {p.callback.cls.__name__ for p in urlpatterns if PUBLIC in p.callback.cls.actions.values()}
    assert public == {"Health", "Analytics", "Metrics", "Refresh", "Extensions", "Resolve", "Document", "Docs"}


@pytest.mark.django_db(databases=["platform", "default"], transaction=True)
def test_an_endpoint_that_forgets_to_declare_an_action_is_refused():
    from django.urls import re_path

    from fusebit_platform.api.base import Endpoint
    from fusebit_platform.api.transport import answer

    class Forgetful(Endpoint):
        def get(self):
            return answer({"secret": 1})

    class Patched(Application):
        def __init__(self) -> None:
            super().__init__()
            self._resolver.url_patterns.insert(0, re_path("^/v1/forgetful$", Forgetful.as_view()))

    assert isinstance(get_application(), Application)
    application = Patched()
    scope = {"type": "http", "method": "GET", "path": "/v1/forgetful", "raw_path": b"/v1/forgetful"}
    scope |= {"query_string": b"", "headers": [], "scheme": "http"}
    try:
        assert application.respond(scope, b"").status_code == 403
    finally:
        application._resolver.url_patterns.pop(0)
