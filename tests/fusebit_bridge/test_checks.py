"""Misconfiguration is a numbered check with a hint, before anything runs."""

from pathlib import Path

import pytest
from django.core import checks
from django.test import override_settings

from tests.fusebit_bridge.test_encryption import NEW, OLD, Given, Unreadable


def found(*, deploy: bool = False) -> set[str]:
    messages = checks.run_checks(tags=["security"], include_deployment_checks=deploy)
    ours = [message for message in messages if (message.id or "").startswith("fusebit_bridge.")]
    assert all(message.hint for message in ours)
    return {str(message.id) for message in ours}


def test_the_settings_of_the_tests_are_in_order() -> None:
    assert found() == set()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"KEY_ENCRYPTION_KEYS": Given("")}, {"fusebit_bridge.W001"}),
        ({"KEY_ENCRYPTION_KEYS": Given("short")}, {"fusebit_bridge.E001"}),
        ({"CLIENT_KEY_ENCRYPTION_KEYS": Given("x,y")}, {"fusebit_bridge.E001"}),
        ({"CLIENT_KEY_ENCRYPTION_KEYS": Unreadable()}, set()),
        ({"CLIENT_KEY_ENCRYPTION_KEYS": Given("")}, set()),
        (
            {"KEY_ENCRYPTION_KEYS": Given(f"{NEW},{OLD}"), "CLIENT_KEY_ENCRYPTION_KEYS": Given(OLD)},
            {"fusebit_bridge.E002"},
        ),
        ({"FUSEBIT_RUN_ORIGINS": ["https://run.example.com", "run.example.com"]}, {"fusebit_bridge.E003"}),
        ({"FUSEBIT_RUN_ORIGINS": ["https://run.example.com/path"]}, {"fusebit_bridge.E003"}),
    ],
)
def test_each_mistake_has_its_number(settings: dict[str, object], expected: set[str]) -> None:
    with override_settings(**settings):
        assert found() == expected


def test_a_profile_left_on_disk_is_pointed_out_in_production(tmp_path: Path) -> None:
    path = tmp_path / "client.json"
    with override_settings(FUSEBIT_PROFILE_FILE=str(path)):
        assert found(deploy=True) == set()
        path.touch()
        assert found(deploy=True) == {"fusebit_bridge.W002"}
