"""docs/provisioning.md says what the code does."""

import re
from pathlib import Path

from tenants.models import State
from tenants.models.reconciled import MAY_COME_FROM
from tenants.services import causes
from tests.processes import ROOT

PAGE = (ROOT / "docs" / "provisioning.md").read_text()


def test_the_drawn_transitions_are_those_that_are_enforced() -> None:
    drawn = set(re.findall(r"^    ([A-Z]+) --> ([A-Z]+)$", PAGE, re.MULTILINE))
    enforced = {
        (State(before).name, State(after).name)
        for after, befores in MAY_COME_FROM.items()
        for before in befores
        if before != after
    }

    assert drawn == enforced


def test_every_state_is_explained() -> None:
    assert set(re.findall(r"^\| ([A-Z]+) \|", PAGE, re.MULTILINE)) == {state.name for state in State}


def test_the_catalogue_of_causes_is_the_one_in_the_code() -> None:
    listed = re.findall(r"^\| `([a-z_]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)

    assert [(code, operator) for code, _, _, operator in listed] == [
        (cause.code, cause.operator) for cause in causes.CATALOGUE.values()
    ]
    for code, ends, person, _ in listed:
        cause = causes.CATALOGUE[code]
        assert ends.startswith("BLOCKED") == (cause.patience == 0), code
        assert person == cause.person or not cause.person


def test_every_command_on_the_page_exists() -> None:
    for name in re.findall(r"python -m tests\.faults\.(\w+)", PAGE):
        assert (ROOT / "tests" / "faults" / f"{name}.py").exists(), name
    for name in re.findall(r"manage\.py (\w+)", PAGE):
        assert any(Path(found).exists() for found in ROOT.glob(f"*/management/commands/{name}.py")), name
