"""Measure how late scheduled runs start: `python -m tests.bench.lateness [--functions 20] [--minutes 15]`.

Half of the functions run every minute, half every ten seconds; each tells its log when it began. It mostly sleeps.
"""

import argparse
import time
from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple

from tests.embedded import EmbeddedFusebit

CODE = "module.exports = async (ctx) => { console.log(String(Date.now())); };"
SCHEDULES = (("* * * * *", 60), ("*/10 * * * * *", 10))  # and their seconds
BOUNDARY = "scheduled"
PIECE_S = 600  # of time, asked for at once: fewer lines than one answer may have
GRACE_S = 15


class Lateness(NamedTuple):
    """What became of the times at which functions had to run."""

    late_ms: list[int]  # in ascending order
    doubles: int
    misses: int

    @classmethod
    def of(cls, begun: list[int], *, period_s: int, since: int, until: int) -> "Lateness":
        """Compare when one function began with when it should have, both in ms; times before and after do not count."""
        period = period_s * 1000
        starts = [at for at in begun if since <= at < until]
        runs = Counter(at // period for at in starts)
        wanted = set(range(since // period, until // period))
        return cls(sorted(at % period for at in starts), runs.total() - len(runs), len(wanted - set(runs)))

    def at(self, percent: int) -> float:
        """Return a percentile in seconds."""
        place = min(len(self.late_ms) - 1, len(self.late_ms) * percent // 100)
        return self.late_ms[place] / 1000 if self.late_ms else float("nan")


def schedule(server: EmbeddedFusebit, number: int) -> tuple[str, int]:
    """Add a function; return its name and how often it runs, in seconds."""
    cron, period_s = SCHEDULES[number % len(SCHEDULES)]
    body = {"nodejs": {"files": {"index.js": CODE}}, "schedule": {"cron": cron}}
    answer = server.request("PUT", server.f(BOUNDARY, f"f{number}"), json=body)
    assert answer.status_code == 200, answer.text
    return f"f{number}", period_s


def starts_of(server: EmbeddedFusebit, name: str, since: int, until: int) -> list[int]:
    """Return when a function began, from its log."""
    path, begun = f"{server.f(BOUNDARY, name)}/logs", []
    for piece in range(since, until, PIECE_S * 1000):
        window = {"from": iso(piece), "to": iso(min(piece + PIECE_S * 1000, until) - 1), "limit": 1000}
        query = server.request("POST", path, json=window).json()["queryId"]
        found = server.request("GET", f"{path}/{query}").json()
        assert found["recordsMatched"] == len(found["results"])
        begun += [int(line["message"]) for line in found["results"]]
    return begun


def iso(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat(timespec="milliseconds")


def measure(server: EmbeddedFusebit, *, functions: int, minutes: int) -> Lateness:
    """Let functions run by their schedules for a while."""
    periods = dict(schedule(server, number) for number in range(functions))
    since = (int(time.time()) // 60 + 1) * 60_000
    until = since + minutes * 60_000
    time.sleep(max(0.0, until / 1000 + GRACE_S - time.time()))
    found = [
        Lateness.of(starts_of(server, name, since, until), period_s=period_s, since=since, until=until)
        for name, period_s in periods.items()
    ]
    late = sorted(ms for one in found for ms in one.late_ms)
    return Lateness(late, sum(one.doubles for one in found), sum(one.misses for one in found))


def main() -> None:
    """Measure."""
    options = argparse.ArgumentParser()
    options.add_argument("--functions", type=int, default=20)
    options.add_argument("--minutes", type=int, default=15)
    chosen = options.parse_args()
    server = EmbeddedFusebit().start()
    try:
        found = measure(server, functions=chosen.functions, minutes=chosen.minutes)
    finally:
        server.stop()
    mean = sum(found.late_ms) / max(1, len(found.late_ms)) / 1000
    print(
        f"{len(found.late_ms)} runs of {chosen.functions} functions in {chosen.minutes} min: late by"
        f" mean {mean:.3f} s, p50 {found.at(50):.3f} s, p95 {found.at(95):.3f} s, max {found.at(100):.3f} s;"
        f" {found.doubles} doubles, {found.misses} misses"
    )


if __name__ == "__main__":
    main()
