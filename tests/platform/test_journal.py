"""What is written down stays within bounds, in order, and never ends the server."""

import json
import marshal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError

from fusebit_platform.gateway.records import CallerName, Records, RunRecord, Statement
from fusebit_platform.models import Account, Function, LogLine, Run
from fusebit_platform.scribe import wire
from fusebit_platform.scribe.collector import Collector
from fusebit_platform.scribe.writer import Writer
from fusebit_platform.services import journal, runs
from fusebit_platform.services.journal import LineEntry, Pruner, RunEntry
from fusebit_platform.services.live_logs import Hub

pytestmark = pytest.mark.django_db(databases=["platform", "default"])
NOW_MS = int(time.time() * 1000)


def run(boundary="b", *, version: int | None = 1, started_ms=NOW_MS, subscription="sub-1", **members) -> RunEntry:
    entry = RunEntry(
        subscription,
        boundary,
        "f",
        version,
        "GET",
        "/",
        200,
        "function",
        "",
        started_ms,
        1.0,
        None,
        0,
        0,
        "t",
        "http",
        "{}",
    )
    return entry._replace(**members)


def line(boundary="b", *, printed_ms=NOW_MS, message="hello") -> LineEntry:
    return LineEntry("sub-1", boundary, "f", 1, "t", 30, message, printed_ms)


def numbers(model):
    return list(model.objects.order_by("number").values_list("number", flat=True))


def test_runs_and_lines_share_one_row_of_numbers_across_batches():
    journal.write(runs=[run(), run()], lines=[line()])
    journal.write(runs=[run()], lines=[line(), line()])
    assert (numbers(LogLine), numbers(Run)) == ([1, 4, 5], [2, 3, 6])
    assert runs.latest() == 6
    journal.write(runs=[], lines=[])
    assert runs.latest() == 6


def test_a_boundary_keeps_its_latest_runs_and_lines_alone():
    pruner = Pruner(runs_kept=10, lines_kept=5)
    journal.write(runs=[run("quiet")], lines=[])
    for _ in range(2):
        entries, lines = [run(), run("c")] * journal.PRUNE_EVERY, [line()] * journal.PRUNE_EVERY
        journal.write(runs=entries, lines=lines)
        pruner.written(runs=entries, lines=lines)
    assert Run.objects.filter(boundary_id="b").count() == 10
    assert Run.objects.filter(boundary_id="c").count() == 10
    assert LogLine.objects.filter(boundary_id="b").count() == 5
    assert max(numbers(Run)) == runs.latest()
    assert Run.objects.filter(boundary_id="quiet").count() == 1


def test_what_is_older_than_it_may_be_is_forgotten():
    old = NOW_MS - 40 * journal.DAY_MS
    journal.write(runs=[run(started_ms=old)] * 1500 + [run()], lines=[line(printed_ms=old), line()])
    journal.forget_old(days=30)
    assert (Run.objects.count(), LogLine.objects.count()) == (1, 1)


def test_calls_of_boundaries_that_nobody_has_are_dropped_however_many_there_are():
    account = Account.objects.create(pk="acc-0000000000000001")
    subscription = account.subscriptions.create(pk="sub-0000000000000001")
    names = {"subscription": subscription, "boundary_id": "mine", "function_id": "f"}
    Function.objects.create(**names, specification="{}", rendered="{}", revision="r")
    strangers = [run(f"b{number}", version=None) for number in range(500)]
    own = run("mine", version=None, subscription=subscription.pk)
    assert journal.of_known_places([*strangers, own, run("b7")]) == [own, run("b7")]


def test_only_what_a_boundary_keeps_is_written_at_all():
    flood, quiet = [run("b8", status=200 + number) for number in range(8)], [run("b9"), run("b9", status=404)]
    assert journal.worth_writing([quiet[0], *flood, quiet[1]], kept=3) == [quiet[0], *flood[-3:], quiet[1]]
    assert journal.worth_writing(flood, kept=8) == flood


def test_calls_of_one_caller_say_what_each_of_them_was():
    ada, ben = CallerName("i", "ada", "k"), CallerName("i", "ben", "k")
    wide, narrow = ({"allow": [{"action": action, "resource": "/"}]} for action in ("function:*", "function:execute"))
    pairs = [(ada, wide), (ben, wide), (ada, narrow), (ada, wide)]
    entries = journal.run_entries([remembered(caller=caller, permissions=given) for caller, given in pairs])
    for (caller, given), entry in zip(pairs, entries, strict=True):
        details = json.loads(entry.details)
        assert (details["caller"]["subject"], details["permissions"]) == (caller.subject, given)


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
    shown = json.loads(journal.run_entries([remembered(permissions={"allow": allow})])[0].details)
    assert shown["permissions"]["allow"] == allow[: journal.MAX_STATEMENTS]


def remembered(status: int = 200, version_id: str = "7.abc", **members) -> RunRecord:
    outcome = {"status": status, "source": "function", "cause": "", "trace_id": "t", **members}
    return RunRecord(NOW_MS / 1000, 1.5, "sub-1", "b", "f", version_id, "GET", "", **outcome)


class Here:
    """Write in this process what the wire carries."""

    def __init__(self) -> None:
        self.writer = Writer()

    def write(self, batch: wire.Batch, _patience: float) -> bool:
        return self.writer.write(carried(batch))

    def close(self) -> None:
        pass


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
    batch = wire.Batch(many, [line(message="\ud800 \n")])
    assert carried(batch) == batch
    assert carried(wire.Batch([], [])) == wire.Batch([], [])


@pytest.mark.parametrize("cut", [1, 3, 5, 50])
def test_a_batch_that_was_cut_is_no_batch(cut):
    ours, theirs = socket.socketpair()
    with theirs, theirs.makefile("rb") as stream:
        with ours:
            piece = marshal.dumps((0, [tuple(run())] * 50))
            ours.sendall((wire.HEAD.pack(len(piece)) + piece)[:-cut])
        assert wire.receive(stream) is None


def test_what_the_database_does_not_take_is_written_later(monkeypatch):
    records = Records()
    collector = Collector(records, Hub(), Here())
    taken = journal.write

    def away(**_batch):
        raise OperationalError("the database is away")

    monkeypatch.setattr(journal, "write", away)
    records.add(remembered(201))
    collector.hand_over()
    monkeypatch.setattr(journal, "write", taken)
    records.add(remembered(202))
    collector.hand_over()
    assert list(Run.objects.order_by("number").values_list("status", "version", "path")) == [
        (201, 7, "/"),
        (202, 7, "/"),
    ]
    collector.hand_over()
    assert Run.objects.count() == 2


def test_a_batch_that_can_not_be_written_at_all_does_not_end_the_journal(monkeypatch, caplog):
    records = Records()
    collector = Collector(records, Hub(), Here())
    taken = journal.write

    def broken(**_batch):
        raise ValueError("nobody foresaw this")

    monkeypatch.setattr(journal, "write", broken)
    records.add(remembered(201))
    collector.hand_over()
    monkeypatch.setattr(journal, "write", taken)
    records.add(remembered(202))
    collector.hand_over()
    assert list(Run.objects.values_list("status", flat=True)) == [202]
    assert "could not be written down" in caplog.text


def test_what_is_old_is_forgotten_although_nobody_calls():
    collector = Collector(Records(), Hub(), Here())
    journal.write(runs=[run(started_ms=NOW_MS - 40 * journal.DAY_MS)], lines=[])
    collector.hand_over()
    assert not Run.objects.exists()


def test_a_run_says_who_called_and_what_was_missing_and_nothing_that_is_not_known():
    caller, missing = CallerName("i", "s", "k"), Statement("a:b", "/x/")
    entry = journal.run_entries(
        [remembered(403, "", caller=caller, missing=missing, message="\0no", cause="auth_denied")]
    )[0]
    assert (entry.version, json.loads(entry.details)) == (
        None,
        {
            "caller": {"issuerId": "i", "subject": "s", "kid": "k"},
            "missing": {"action": "a:b", "resource": "/x/"},
            "message": "\ufffdno",
        },
    )
    assert journal.run_entries([remembered()])[0].details == "{}"


def test_texts_that_a_database_can_not_hold_are_made_storable():
    assert journal.storable("a\0b\ud800c" + "x" * 100, 6) == "a\ufffdb?cx"
    hostile = line(message=journal.storable("\0\ud83d", 10))
    journal.write(runs=[], lines=[hostile])
    assert LogLine.objects.get().message == "\ufffd?"
