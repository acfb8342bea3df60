"""A small case of every fault command; the full sizes are run by hand with --full."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.processes import ROOT

pytestmark = pytest.mark.processes


def play(name: str, *options: str) -> dict[str, Any]:
    """Run a command; return the figures that it printed, with `code` beside them."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-m", f"tests.faults.{name}", *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    assert lines, done.stderr[-2000:]
    figures: dict[str, Any] = json.loads(lines[-1])
    return {**figures, "code": done.returncode}


@pytest.mark.parametrize("name", ["crash_points", "logins", "mixed", "drift", "outage", "walk", "canary", "rotation"])
def test_the_counts_are_met(name: str) -> None:
    figures = play(name)

    assert figures["met"], figures
    assert figures["code"] == 0


def test_nothing_of_a_key_or_token_is_left_behind_by_tests_that_use_them() -> None:
    some = ["test_tokens.py", "test_import_client.py", "test_execution.py"]

    figures = play("canary", "--suite", "-n", "0", *(f"tests/fusebit_bridge/{name}" for name in some))

    assert figures["met"], figures
    assert (figures["planted_found"], figures["ended"]) == (4, 0)


def test_a_fusebit_that_writes_row_after_row_is_dealt_with_too() -> None:
    figures = play("mixed", "--not-atomic")

    assert figures["met"], figures


@pytest.mark.parametrize("name", ["crash_points", "mixed"])
def test_creating_in_the_signal_fails_the_same_counts(name: str) -> None:
    figures = play(name, "--naive")

    assert not figures["met"]
    assert figures["code"] == 1
    assert figures["lost"] > 0
