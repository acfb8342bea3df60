"""What is linked and unlinked here is so at Fusebit, where a provider's own tokens may name the person too."""

import pytest
from django.test import override_settings

from tenants.errors import InvalidInput
from tenants.models import FusebitUser
from tenants.services import identities
from tenants.services.work import Worker
from tests.cast import founded, person
from tests.fusebit_process import EmbeddedFusebit

pytestmark = [pytest.mark.django_db, pytest.mark.processes]


def known(embedded: EmbeddedFusebit, row: FusebitUser) -> list[tuple[str, str]]:
    """Work, and return the identities of the person's user at Fusebit."""
    for _ in range(3):
        FusebitUser.objects.exclude(next_attempt_at=None).make_due()
        Worker().run_once()
    row.refresh_from_db()
    assert row.is_ready, row.last_error
    user = embedded.request("GET", f"{embedded.account}/user/{row.remote_user_id}").json()
    return sorted((entry["issuerId"], entry["subject"]) for entry in user["identities"])


def test_linking_adds_an_identity_to_the_same_user_and_unlinking_removes_it(embedded: EmbeddedFusebit) -> None:
    ada = person("ada")
    founded(ada)
    row = FusebitUser.objects.get(user=ada)
    first = known(embedded, row)
    user_id, issuer = row.remote_user_id, row.issuer_id

    identities.link(user=ada, provider="github", uid="583231")
    both = known(embedded, row)
    identities.unlink(user=ada, pk=ada.social_auth.get(provider="local").pk)
    second = known(embedded, row)

    assert first == [(issuer, "local|ada")]
    assert both == [(issuer, "github|583231"), (issuer, "local|ada")]
    assert second == [(issuer, "github|583231")]
    assert row.remote_user_id == user_id


def test_an_identity_that_was_somebody_s_before_they_left_can_be_the_only_one(embedded: EmbeddedFusebit) -> None:
    ada, grace = person("ada"), person("grace")
    founded(ada)
    founded(grace)
    row, tombstone = FusebitUser.objects.get(user=ada), FusebitUser.objects.get(user=grace)
    known(embedded, row)
    grace.delete()
    identities.link(user=ada, provider="local", uid="grace")
    first = ada.social_auth.get(uid="ada").pk

    with pytest.raises(InvalidInput, match="still being cleared"):
        identities.unlink(user=ada, pk=first)
    for _ in range(3):
        Worker().run_once()
    identities.unlink(user=ada, pk=first)

    assert known(embedded, row) == [(row.issuer_id, "local|grace")]
    assert not FusebitUser.objects.filter(pk=tombstone.pk).exists()


def test_a_provider_whose_issuer_is_registered_adds_the_identity_of_its_own_tokens(embedded: EmbeddedFusebit) -> None:
    ada = person("ada")
    founded(ada)
    row = FusebitUser.objects.get(user=ada)

    with override_settings(FUSEBIT_ISSUERS_OF_PROVIDERS={"local": "https://idp.example.com/"}):
        found = known(embedded, row)

    assert found == [("https://idp.example.com/", "ada"), (row.issuer_id, "local|ada")]
