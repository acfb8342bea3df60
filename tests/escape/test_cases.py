"""Every case of the list has a test that is there, and every attack of the corpus is a case of the list."""

import tomllib
from pathlib import Path

from tests.escape.corpus import ATTACKS, EXEMPT
from tests.platform.test_statements import TESTS, functions

HERE = Path(__file__).parent
CASES = {
    name: tests
    for chapter in tomllib.loads((HERE / "cases.toml").read_text()).values()
    for name, tests in chapter.items()
}
CORPUS = "escape/corpus.py"
WITHOUT_LAYERS = (CORPUS, "escape/test_egress_layers.py", "escape/test_filter.py")


def test_every_case_has_tests_that_are_there() -> None:
    collected = {f"{path.relative_to(TESTS)}::{name}" for path in TESTS.rglob("test_*.py") for name in functions(path)}
    assert {name: missing for name, tests in CASES.items() if (missing := {*tests} - collected - {CORPUS})} == {}
    assert [name for name, tests in CASES.items() if not tests] == []


def test_the_corpus_and_the_list_agree() -> None:
    assert {attack.id for attack in ATTACKS} == {name for name, tests in CASES.items() if CORPUS in tests}


def test_a_case_is_shown_without_its_layer_or_says_why_not() -> None:
    shown = {name for name, tests in CASES.items() if any(test.startswith(WITHOUT_LAYERS) for test in tests)}
    assert {name for name in {*CASES} - shown if name not in EXEMPT and name.partition("-")[0] not in EXEMPT} == set()
