"""Help: every code that a page or the API may show has its entry."""

import re

from django.test import Client

from tenants import errors
from tenants.services import catalogue, causes
from tests.cast import Cast


def codes(kind: type[errors.TenantError]) -> set[str]:
    """The codes of an error and of what derives from it."""
    return {kind.code}.union(*(codes(one) for one in kind.__subclasses__()))


def test_every_code_has_an_entry_of_its_own(ada: Client, cast: Cast, home_of: str) -> None:
    shown = ada.get(f"{home_of}help/").content.decode()
    found = re.findall(r' id="([a-z_]+)"', shown)

    assert len(found) == len(set(found))
    assert catalogue.CAUSES.keys() <= set(found)
    assert codes(errors.TenantError) - {"error"} <= set(found)
    assert {cause.code for cause in causes.CATALOGUE.values() if cause.person} <= set(found)


def test_errors_link_to_their_entry(ada: Client, cast: Cast, home_of: str) -> None:
    shown = ada.post(f"{home_of}functions/hello/run/", {"method": "GET"}).content.decode()

    assert f'{home_of}help/#fusebit_unavailable"' in shown
