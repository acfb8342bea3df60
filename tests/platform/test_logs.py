"""Contract 7.1: realtime logs as server-sent events, framed as Fusebit's own command line reads them."""

import asyncio
import json
import socket
from collections.abc import Iterator
from datetime import datetime

import pytest

from fusebit_platform.errors import TooBusy
from fusebit_platform.runtime.builds import Build
from fusebit_platform.services import live_logs
from fusebit_platform.services.live_logs import Hub, Line
from tests.embedded import EmbeddedFusebit

TALKER = """module.exports = async (ctx) => {
  console.log('said', ctx.query.n, {a: 1});
  if (ctx.query.error) console.error('bad');
  if (ctx.query.fail) throw new Error('broken');
  return {body: 1};
};"""
LATER = "module.exports = (ctx, cb) => { console.log('before'); setTimeout(() => { throw new Error('late'); }, 1); };"
BROKEN = "module.exports = async (ctx) => {"


class Listener:
    """A client as naive as the original one: it reads lines that end in a bare newline."""

    def __init__(self, embedded: EmbeddedFusebit, path: str, *headers: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", embedded.port), timeout=30)
        head = "\r\n".join((f"GET {path} HTTP/1.1", f"Host: localhost:{embedded.port}", *headers))
        self.socket.sendall(f"{head}\r\n\r\n".encode())
        self.read = b""
        self.head = self.until(b"\r\n\r\n").decode().lower()
        self.status = int(self.head.split()[1])

    def until(self, mark: bytes) -> bytes:
        while mark not in self.read:
            chunk = self.socket.recv(65536)
            assert chunk, self.read
            self.read += chunk
        found, _, self.read = self.read.partition(mark)
        return found

    def chunk(self) -> bytes:
        """Return the next chunk of the body, which the server wrote at once."""
        size = int(self.until(b"\r\n"), 16)
        while len(self.read) < size + 2:
            self.read += self.socket.recv(65536)
        chunk, self.read = self.read[:size], self.read[size + 2 :]
        return chunk

    def event(self) -> dict:
        lines = self.chunk().decode().split("\n")
        assert lines[0] == "event: log"
        assert lines[1].startswith("data: ")
        assert lines[2:] == ["", ""]
        return json.loads(lines[1].removeprefix("data: "))

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def listen(embedded) -> Iterator:
    opened: list[Listener] = []

    def start(path: str, *headers: str) -> Listener:
        opened.append(Listener(embedded, path, *headers))
        return opened[-1]

    yield start
    for listener in opened:
        listener.close()


@pytest.fixture
def talker(embedded, boundary) -> str:
    return put(embedded, boundary, "f", TALKER)


def put(embedded, boundary, name, code) -> str:
    answer = embedded.request("PUT", embedded.f(boundary, name), json={"nodejs": {"files": {"index.js": code}}})
    assert answer.status_code == 200, answer.text
    return embedded.run_path(boundary, name)


def run(embedded, path) -> int:
    return embedded.request("GET", path, token=None).status_code


def test_a_log_stream_opens_at_once_with_its_headers_and_what_it_is_subscribed_to(embedded, boundary, listen):
    listener = listen(f"{embedded.f(boundary, 'f')}/log?token={embedded.token()}")
    assert listener.status == 200
    assert "\r\ncontent-type: text/event-stream\r\n" in listener.head
    assert "\r\ncache-control: no-cache\r\n" in listener.head
    assert "\r\nfusebit-trace-id: " in listener.head
    assert listener.chunk() == f": subscribed to {embedded.subscription}/{boundary}/f\n\n".encode()
    everything = listen(f"{embedded.b(boundary)}/log", f"Authorization: bearer {embedded.token()}")
    assert everything.chunk() == f": subscribed to {embedded.subscription}/{boundary}/*\n\n".encode()


def test_every_line_is_one_event_in_one_write_in_the_order_of_the_calls(embedded, boundary, talker, listen):
    listener = listen(f"{embedded.f(boundary, 'f')}/log?token={embedded.token()}")
    listener.chunk()
    for number in range(4):
        run(embedded, f"{talker}?n={number}")
    events = [listener.event() for _ in range(4)]
    assert [event["msg"] for event in events] == [f"said {number} {{ a: 1 }}" for number in range(4)]
    first = events[0]
    assert list(first) == ["name", "method", "level", "msg", "time"]
    name = f"application:{embedded.account}:{embedded.subscription}:{boundary}:f"
    assert (first["name"], first["method"], first["level"]) == (name, "GET", 30)


def test_what_was_logged_before_a_failure_precedes_the_entry_of_the_error(embedded, boundary, talker, listen):
    listener = listen(f"{embedded.f(boundary, 'f')}/log?token={embedded.token()}")
    listener.chunk()
    run(embedded, f"{talker}?error=1&fail=1")
    said, bad, broken = (listener.event() for _ in range(3))
    assert (said["level"], bad["level"], bad["msg"], broken["level"]) == (30, 50, "bad", 50)
    assert broken["msg"].startswith("Error: broken\n    at ")
    assert broken["method"] == "GET"


@pytest.mark.parametrize(("code", "texts"), [(LATER, ["before", "late"]), (BROKEN, ["Unexpected end of input"])])
def test_failures_of_the_provider_are_entries_with_properties_and_without_method(
    embedded, boundary, listen, code, texts
):
    path = put(embedded, boundary, "g", code)
    listener = listen(f"{embedded.f(boundary, 'g')}/log?token={embedded.token()}")
    listener.chunk()
    assert run(embedded, path) == 500
    events = [listener.event() for _ in texts]
    assert [event["msg"] for event in events] == texts
    last = events[-1]
    assert "method" not in last
    assert last["properties"]["errorMessage"] == texts[-1]
    assert isinstance(last["properties"]["trace"], list)


def test_a_function_s_log_is_its_own_and_a_boundary_s_log_has_all_of_them(embedded, boundary, talker, listen):
    other = put(embedded, boundary, "g", TALKER)
    elsewhere = put(embedded, f"{boundary}x", "f", TALKER)
    mine = listen(f"{embedded.f(boundary, 'f')}/log?token={embedded.token()}")
    all_of_them = listen(f"{embedded.b(boundary)}/log?token={embedded.token()}")
    mine.chunk(), all_of_them.chunk()
    for path in (elsewhere, other, talker):
        run(embedded, path)
    assert mine.event()["name"].endswith(f"{boundary}:f")
    assert [all_of_them.event()["name"].rpartition(":")[2] for _ in range(2)] == ["g", "f"]


def test_who_may_not_read_logs_gets_no_stream(embedded, boundary):
    agent = embedded.add_user(("function:get", "/"))
    for path in (f"{embedded.b(boundary)}/log", f"{embedded.f(boundary, 'f')}/log"):
        assert embedded.request("GET", path, token=None).status_code == 403
        assert embedded.request("GET", f"{path}?token=nonsense", token=None).status_code == 403
        assert embedded.request("GET", f"{path}?token={agent.token()}", token=None).json()["message"] == "Unauthorized"
    assert embedded.request("GET", f"{embedded.b('UPPER')}/log").status_code == 400


def test_an_old_command_line_gets_no_log_of_a_function(embedded, boundary, listen):
    old = {"User-Agent": "fusebit-cli/1.0.0"}
    assert embedded.request("GET", f"{embedded.f(boundary, 'f')}/log", headers=old).status_code == 400
    listener = listen(f"{embedded.b(boundary)}/log?token={embedded.token()}", "User-Agent: fusebit-cli/1.0.0")
    assert listener.status == 200


def test_lines_can_be_delivered_by_whoever_may_post_logs_there(embedded, boundary, listen):
    path = f"{embedded.f(boundary, 'f')}/log"
    listener = listen(f"{path}?token={embedded.token()}")
    listener.chunk()
    line = {"method": "POST", "level": 50, "msg": "from elsewhere", "time": "2026-01-02T03:04:05.678Z"}
    agent = embedded.add_user(("function:post-logs", path.removeprefix("/v1")))
    answer = embedded.request("POST", path, json=[line, "nonsense", {"level": 30}], token=agent.token())
    assert (answer.status_code, answer.content) == (200, b"")
    name = f"application:{embedded.account}:{embedded.subscription}:{boundary}:f"
    assert listener.event() == {"name": name, **line}
    assert embedded.request("POST", path, json=[line], token=None).status_code == 403
    assert embedded.request("POST", f"{path}?token={agent.token()}", json=[line], token=None).status_code == 403
    stranger = embedded.add_user(("function:get-log", "/"))
    assert embedded.request("POST", path, json=[line], token=stranger.token()).status_code == 403


def test_many_listeners_leave_the_management_api_free(embedded, boundary, listen):
    for _ in range(50):
        listen(f"{embedded.b(boundary)}/log?token={embedded.token()}")
    assert embedded.request("GET", "/v1/health").status_code == 200
    assert embedded.request("GET", f"{embedded.b(boundary)}/function").status_code == 200


PLACE = {"account_id": "a", "subscription_id": "s", "boundary_id": "b"}
LINE = Line(**PLACE, function_id="f", level=30, text="x", time="2026-01-02T03:04:05.678Z")


async def collect(hub: Hub, *lines: Line, until: int) -> list[bytes]:
    events = hub.follow(**PLACE, function_id=None)
    found = [await anext(events)]
    for line in lines:
        hub.publish(line)
    while len(found) < until:
        found.append(await anext(events))
    await events.aclose()
    return found


EYES = "a=[token], eyJ. eyJhbGciOiJSUzI1NiJ9"


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (b'{"msg": "x", "level": 50}', "x"),
        (b'{"msg": "x", "time": "<script>", "method": "G\\nT", "level": "7"}', "x"),
        (b'{"msg": "x", "properties": {"a": NaN, "deep": ' + b"[" * 400 + b"]" * 400 + b', "trace": ["y"]}}', "x"),
        (b'{"msg": "' + b"x" * 20_000 + b'"}', "x" * 16_384),
        (b'{"msg": "a=eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln, eyJ. eyJhbGciOiJSUzI1NiJ9"}', EYES),
        (b'{"msg": 5}', None),
        (b"[1]", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
def test_what_a_hostile_process_calls_an_entry_is_a_whole_line_or_none(entry, text):
    build = Build(boundary="s/b", function="f", version="1.x", files={}, context={"accountId": "a"})
    line = live_logs.read_entry(build, entry)
    assert (line and line.text) == text
    if line is not None:
        head, data, *rest = line.event().decode().split("\n")
        assert (head, rest) == ("event: log", ["", ""])
        shown = json.loads(data.removeprefix("data: "), parse_constant=pytest.fail)
        assert datetime.fromisoformat(shown["time"])
        assert shown["level"] in {30, 50}
        assert "deep" not in shown.get("properties", {})


def test_a_silent_stream_is_kept_alive_with_comments():
    assert asyncio.run(collect(Hub(keep_alive_s=0.01), until=3))[1:] == [b": keep-alive\n\n"] * 2


def test_a_stream_ends_when_its_time_is_up():
    async def exhaust() -> list[bytes]:
        return [event async for event in Hub(lifetime_s=0.02, keep_alive_s=5).follow(**PLACE, function_id="f")]

    assert asyncio.run(exhaust())[0] == b": subscribed to s/b/f\n\n"


def test_a_listener_that_reads_too_slowly_loses_the_oldest_lines_and_is_told():
    found = asyncio.run(collect(Hub(), *[LINE] * 2001, until=2002))
    assert found[1] == LINE.event()
    assert found[-1] == b": 1 lines were dropped\n\n"


def test_one_listener_too_many_is_told_that_the_server_is_busy():
    async def crowd() -> None:
        hub = Hub(max_tails=1)
        events = hub.follow(**PLACE, function_id=None)
        hub.check_room()
        await anext(events)
        with pytest.raises(TooBusy, match="Server too busy") as refused:
            hub.check_room()
        assert refused.value.status == 503
        await events.aclose()
        hub.check_room()

    asyncio.run(crowd())
