"""What is kept of packages: as long as a function has them, and a while longer."""

import secrets
from dataclasses import replace
from threading import BoundedSemaphore

import pytest

from fusebit_platform import configuration
from fusebit_platform.errors import TooManyRequests
from fusebit_platform.models import Account, Function, PackageSet, Subscription
from fusebit_platform.services import dependencies, packages

pytestmark = pytest.mark.django_db(databases=["platform", "default"])


@pytest.fixture
def place(tmp_path):
    before = configuration.current()
    configuration.replace(replace(before, data_dir=tmp_path))
    yield tmp_path / "packages"
    configuration.replace(before)


def test_packages_are_kept_while_a_function_has_them_and_a_while_after(place):
    account = Account.objects.create(id=f"acc-{secrets.token_hex(8)}")
    subscription = Subscription.objects.create(id=f"sub-{secrets.token_hex(8)}", account=account)
    fresh = packages.remember('{"packages": {"": {}}}')
    for key in ("had", "left"):
        PackageSet.objects.create(key=key, lockfile="{}")
    for key in ("had", "left", fresh):
        (place / key / "node_modules").mkdir(parents=True)
    columns = {"specification": "{}", "rendered": "{}", "revision": "x", "packages": "had"}
    Function.objects.create(subscription=subscription, boundary_id="b", function_id="f", **columns)
    packages.forget_unused()
    assert {path.name for path in place.iterdir()} == {"had", fresh}
    assert packages.directory("left") is None
    assert packages.directory("had") == place / "had" / "node_modules"
    assert set(PackageSet.objects.values_list("key", flat=True)) == {"had", fresh}


def test_the_cache_of_npm_is_bounded(place):
    content = place / "npm-cache" / "x"
    content.parent.mkdir(parents=True)
    content.write_text("12345")
    packages.forget_unused(cache_bytes=5)
    assert content.exists()
    packages.forget_unused(cache_bytes=4)
    assert not content.exists()


def test_the_same_lockfile_has_the_same_key_and_another_one_another(place):
    keys = [packages.remember(text) for text in ("{}", "{} ", "{}")]
    assert keys[0] == keys[2] != keys[1]


def test_when_enough_packages_wait_to_be_built_more_are_refused(place, monkeypatch):
    packages.check_room()
    monkeypatch.setattr(packages, "MOST_WAITING", 0)
    with pytest.raises(TooManyRequests):
        packages.check_room()


def test_when_enough_requests_resolve_dependencies_more_are_refused(place, monkeypatch):
    monkeypatch.setattr(dependencies, "PATIENCE_S", 0.01)
    monkeypatch.setattr(dependencies, "RESOLVING", BoundedSemaphore(1))
    with dependencies.RESOLVING, pytest.raises(TooManyRequests):
        dependencies.resolve({"ranges": {"a": "*"}, "node": "14.18.3"})
