"""What is written down stays within bounds, in order, and never ends the server."""

import asyncio
import json
import marshal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError

from fusebit_platform import entries
from fusebit_platform.entries import CallerName, LineEntry, RunEntry, Runs, Statement
from fusebit_platform.gateway.records import Records
from fusebit_platform.models import Account, Function, LogLine, Run
from fusebit_platform.scribe import collector as collecting
from fusebit_platform.scribe import wire
from fusebit_platform.scribe.collector import Collector
from fusebit_platform.scribe.writer import Writer
from fusebit_platform.services import journal, runs
from fusebit_platform.services.journal import Pruner
from fusebit_platform.services.live_logs import Hub

pytestmark = pytest.mark.django_db(databases=["platform", "default"])
NOW_MS = int(time.time() * 1000)


def run(*, version: int | None = 1, started_ms=NOW_MS, **members) -> RunEntry:
    entry = RunEntry("f", version, "GET", "/", 200, "function", "", started_ms, 1.0, None, 0, 0, "t", "http", "{}")
    return entry._replace(**members)


def runs_in(boundary="b", *entries: RunEntry) -> Runs:
    return {("sub-1", boundary): entries or [run()]}


def line(boundary="b", *, printed_ms=NOW_MS, message="hello") -> LineEntry:
    return LineEntry("sub-1", boundary, "f", 1, "t", 30, message, printed_ms)


def numbers(model):
    return list(model.objects.order_by("number").values_list("number", flat=True))


def test_runs_and_lines_share_one_row_of_numbers_across_batches():
    journal.write(runs=runs_in("b", run(), run()), lines=[line()])
    journal.write(runs=runs_in(), lines=[line(), line()])
    assert (numbers(LogLine), numbers(Run)) == ([1, 4, 5], [2, 3, 6])
    assert runs.latest() == 6
    journal.write(runs={}, lines=[])
    assert runs.latest() == 6


def test_a_boundary_keeps_its_latest_runs_and_lines_alone():
    pruner = Pruner(runs_kept=10, lines_kept=5)
    journal.write(runs=runs_in("quiet"), lines=[])
    for _ in range(2):
        many, lines = [run()] * journal.PRUNE_EVERY, [line()] * journal.PRUNE_EVERY
        batch = runs_in("b", *many) | runs_in("c", *many)
        journal.write(runs=batch, lines=lines)
        pruner.written(runs=batch, lines=lines)
    assert Run.objects.filter(boundary_id="b").count() == 10
    assert Run.objects.filter(boundary_id="c").count() == 10
    assert LogLine.objects.filter(boundary_id="b").count() == 5
    assert max(numbers(Run)) == runs.latest()
    assert Run.objects.filter(boundary_id="quiet").count() == 1


def test_what_is_older_than_it_may_be_is_forgotten():
    old = NOW_MS - 40 * journal.DAY_MS
    journal.write(runs=runs_in("b", *[run(started_ms=old)] * 1500, run()), lines=[line(printed_ms=old), line()])
    journal.forget_old(days=30)
    assert (Run.objects.count(), LogLine.objects.count()) == (1, 1)


def test_calls_of_boundaries_that_nobody_has_are_dropped_however_many_there_are():
    account = Account.objects.create(pk="acc-0000000000000001")
    subscription = account.subscriptions.create(pk="sub-0000000000000001")
    names = {"subscription": subscription, "boundary_id": "mine", "function_id": "f"}
    Function.objects.create(**names, specification="{}", rendered="{}", revision="r")
    named = {("sub-1", f"b{number}"): [run(version=None)] for number in range(500)}
    kept = {(subscription.pk, "mine"): [run(version=None)], **runs_in("b7", run(version=None), run())}
    assert journal.of_known_places(named | kept) == kept


def test_only_what_a_boundary_keeps_is_remembered():
    records = Records(kept=3)
    for status in range(200, 208):
        records.add(("sub-1", "loud"), run(status=status))
    records.add(("sub-1", "quiet"), run())
    taken = records.take()
    assert {place[1]: [entry.status for entry in rows] for place, rows in taken.items()} == {
        "loud": [205, 206, 207],
        "quiet": [200],
    }
    assert not records.take()
    records.add(("sub-1", "loud"), run(status=300))
    records.put_back(taken)
    assert [entry.status for entry in records.take()["sub-1", "loud"]] == [206, 207, 300]


def test_boundaries_that_waited_longest_are_forgotten_when_there_are_too_many_calls():
    records = Records(kept=3, kept_in_all=10)
    for number in range(1000):
        records.add(("sub-1", f"b{number}"), run())
        records.add(("sub-1", "loud"), run())
    taken = records.take()
    assert ("sub-1", "b999") in taken
    assert 5 < sum(map(len, taken.values())) <= 10


def test_a_flood_of_boundaries_costs_no_more_the_longer_it_lasts(monkeypatch):
    records = Records(kept=3, kept_in_all=1000)
    counted = []
    make_room = records._make_room
    monkeypatch.setattr(records, "_make_room", lambda: (counted.append(1), make_room()))
    for number in range(10_000):
        records.add(("sub-1", f"b{number}"), run())
    assert len(counted) <= 100


def test_a_boundary_that_prints_too_much_at_once_keeps_the_beginning_and_a_notice():
    flood = [line("loud", message=f"{number}") for number in range(journal.LINES_AT_ONCE + 5)]
    long = [line("long", message="x" * journal.MAX_MESSAGE)] * (journal.CHARACTERS_AT_ONCE // journal.MAX_MESSAGE + 2)
    kept = journal.within_measure([*flood, *long, line("quiet")])
    by_boundary = {name: [entry for entry in kept if entry.boundary_id == name] for name in ("loud", "long", "quiet")}
    assert by_boundary["loud"][:-1] == flood[: journal.LINES_AT_ONCE]
    assert by_boundary["loud"][-1].message == "5 lines were not kept: too much was printed at once."
    assert by_boundary["long"][-1].message == "2 lines were not kept: too much was printed at once."
    assert by_boundary["quiet"] == [line("quiet")]


def test_a_run_shows_the_beginning_of_what_it_might_do():
    allow = [{"action": f"a:{number}", "resource": "/"} for number in range(500)]
    shown = json.loads(entries.details(permissions={"allow": allow}))
    assert shown["permissions"]["allow"] == allow[: entries.MAX_STATEMENTS]


class Here:
    """Write in this process what the wire carries."""

    def __init__(self) -> None:
        self.writer = Writer()

    def write(self, batch: wire.Batch) -> bool:
        return self.writer.write(carried(batch))

    def drop(self) -> None: ...
    def close(self) -> None: ...


def hand_over(collector: Collector) -> None:
    """Do on this thread what the collector does on two."""
    taken = collector.take()
    collector.settle(taken, written=collector.write(taken))


def carried(batch: wire.Batch) -> wire.Batch:
    """Send a batch through the wire; return what arrives."""
    ours, theirs = socket.socketpair()
    with ours, theirs, theirs.makefile("rb") as stream, ThreadPoolExecutor(1) as thread:
        arriving = thread.submit(wire.receive, stream)
        wire.send(ours, batch)
        arrived = arriving.result()
        assert arrived is not None
        return arrived


def test_a_batch_arrives_as_it_was_sent():
    many = [run(details='{"message": "\ud83d\ude00\u0000"}', version=None, cpu_ms=0.5), run()] * wire.ROWS_AT_ONCE
    batch = wire.Batch(runs_in("b", *many) | runs_in("c"), [line(message="\ud800 \n")])
    arrived = carried(batch)
    assert {place: [*map(RunEntry._make, rows)] for place, rows in arrived.runs.items()} == {
        place: [*rows] for place, rows in batch.runs.items()
    }
    assert arrived.lines == batch.lines
    assert carried(wire.Batch({}, [])) == wire.Batch({}, [])


@pytest.mark.parametrize("cut", [1, 3, 5, 50])
def test_a_batch_that_was_cut_is_no_batch(cut):
    ours, theirs = socket.socketpair()
    with theirs, theirs.makefile("rb") as stream:
        with ours:
            piece = marshal.dumps((("sub-1", "b"), [tuple(run())] * 50))
            ours.sendall((wire.HEAD.pack(len(piece)) + piece)[:-cut])
        assert wire.receive(stream) is None


def test_what_the_database_does_not_take_is_written_later(monkeypatch):
    records = Records()
    collector = Collector(records, Hub(), Here())
    taken = journal.write

    def away(**_batch):
        raise OperationalError("the database is away")

    monkeypatch.setattr(journal, "write", away)
    records.add(("sub-1", "b"), run(status=201))
    hand_over(collector)
    monkeypatch.setattr(journal, "write", taken)
    records.add(("sub-1", "b"), run(status=202))
    hand_over(collector)
    assert list(Run.objects.order_by("number").values_list("status", "version", "path")) == [
        (201, 1, "/"),
        (202, 1, "/"),
    ]
    hand_over(collector)
    assert Run.objects.count() == 2


def test_a_batch_that_can_not_be_written_at_all_does_not_end_the_journal(monkeypatch, caplog):
    records = Records()
    collector = Collector(records, Hub(), Here())
    taken = journal.write

    def broken(**_batch):
        raise ValueError("nobody foresaw this")

    monkeypatch.setattr(journal, "write", broken)
    records.add(("sub-1", "b"), run(status=201))
    hand_over(collector)
    monkeypatch.setattr(journal, "write", taken)
    records.add(("sub-1", "b"), run(status=202))
    hand_over(collector)
    assert list(Run.objects.values_list("status", flat=True)) == [202]
    assert "could not be written down" in caplog.text


class Stuck:
    """Write nothing, for as long as nobody loses patience."""

    def __init__(self) -> None:
        self.begun, self.dropped, self.closed = 0, threading.Event(), False

    def write(self, _batch: wire.Batch) -> bool:
        self.begun += 1
        self.dropped.wait(30)
        return False

    def drop(self) -> None:
        self.dropped.set()

    def close(self) -> None:
        self.closed = True


def test_a_platform_that_stops_does_not_wait_for_a_journal_that_hangs(monkeypatch):
    monkeypatch.setattr(collecting, "LAST_SECONDS", 0.05)
    stuck = Stuck()

    async def live() -> None:
        collector = Collector(Records(), Hub(), stuck)
        await collector.start()
        while not stuck.begun:
            await asyncio.sleep(0.01)
        await collector.close()

    asyncio.run(live())
    assert (stuck.begun, stuck.dropped.is_set(), stuck.closed) == (1, True, True)


def test_what_is_old_is_forgotten_although_nobody_calls():
    collector = Collector(Records(), Hub(), Here())
    journal.write(runs=runs_in("b", run(started_ms=NOW_MS - 40 * journal.DAY_MS)), lines=[])
    hand_over(collector)
    assert not Run.objects.exists()


def test_a_run_says_who_called_and_what_was_missing_and_nothing_that_is_not_known():
    caller, missing = CallerName("i", "s", "k"), Statement("a:b", "/x/")
    assert json.loads(entries.details(caller=caller, missing=missing, message="\0no")) == {
        "caller": {"issuerId": "i", "subject": "s", "kid": "k"},
        "missing": {"action": "a:b", "resource": "/x/"},
        "message": "\ufffdno",
    }
    assert entries.details() == "{}"


def test_texts_that_a_database_can_not_hold_are_made_storable():
    assert entries.storable("a\0b\ud800c" + "x" * 100, 6) == "a\ufffdb?cx"
    hostile = line(message=entries.storable("\0\ud83d", 10))
    journal.write(runs={}, lines=[hostile])
    assert LogLine.objects.get().message == "\ufffd?"
