"""Every statement of the contract has its tests, and every test it names is there."""

import ast
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
CHAPTERS = {"1", "2", "3", "4", "5", "6", "7", "8"}
STATEMENTS = tomllib.loads((Path(__file__).parent / "statements.toml").read_text())["statement"]


def functions(path: Path) -> set[str]:
    """Return the names of the tests that pytest collects from a module."""
    tree = ast.parse(path.read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.fixture(scope="module")
def collected() -> set[str]:
    """Every test below the directory of tests, without parameters."""
    modules = TESTS.rglob("test_*.py")
    return {f"{path.relative_to(TESTS)}::{name}" for path in modules for name in functions(path)}


def test_every_statement_is_proved_by_tests_that_are_there(collected):
    missing = {name: statement["id"] for statement in STATEMENTS for name in set(statement["tests"]) - collected}
    assert missing == {}
    assert [statement["id"] for statement in STATEMENTS if not statement["tests"]] == []


def test_statements_are_numbered_without_gaps_and_say_one_thing_each():
    for statement in STATEMENTS:
        assert set(statement) == {"id", "says", "tests"}, statement
        assert statement["says"].endswith("."), statement
    ids = [statement["id"] for statement in STATEMENTS]
    numbered: Counter[str] = Counter()
    for name in ids:
        chapter, number = re.fullmatch(r"([1-8]\.[0-9])-([0-9]+)", name).groups()
        numbered[chapter] += 1
        assert int(number) == numbered[chapter], name
    assert {name[0] for name in ids} == CHAPTERS
    assert len({statement["says"] for statement in STATEMENTS}) == len(STATEMENTS)
