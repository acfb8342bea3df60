"""Buttons are shown for what is configured, and nothing else is."""

from types import SimpleNamespace

import pytest
from django.utils.module_loading import import_string
from social_core.backends.oauth import BaseOAuth2PKCE
from social_core.exceptions import AuthResponseError

from onboarding import pipeline, providers
from onboarding.environment import Environment

PREFIXES = ("GOOGLE_OAUTH2", "GITHUB", "GITLAB", "MICROSOFT_GRAPH", "AUTH0", "OIDC", "LOCAL")
EXTRA = {
    "AUTH0": {"SOCIAL_AUTH_AUTH0_DOMAIN": "vendor.eu.auth0.com"},
    "OIDC": {"SOCIAL_AUTH_OIDC_OIDC_ENDPOINT": "https://id.example.com/realm"},
    "LOCAL": {"SOCIAL_AUTH_LOCAL_OIDC_ENDPOINT": "http://127.0.0.1:9000"},
}


def environment(prefix: str) -> Environment:
    pair = {f"SOCIAL_AUTH_{prefix}_KEY": "k", f"SOCIAL_AUTH_{prefix}_SECRET": "s"}
    return Environment({**pair, **EXTRA.get(prefix, {})})


def test_nothing_configured_means_no_button() -> None:
    assert providers.buttons(Environment({})) == []


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_key_and_a_secret_make_a_button_a_backend_and_an_origin(prefix: str) -> None:
    env = environment(prefix)

    (button,) = providers.buttons(env)
    (origin,) = providers.origins(env)

    assert button["title"]
    assert len(providers.backends(env)) == 1
    assert origin.startswith(("https://", "http://127.0.0.1"))
    assert providers.settings(env)[f"SOCIAL_AUTH_{prefix}_KEY"] == "k"


@pytest.mark.parametrize("prefix", PREFIXES)
def test_half_a_configuration_makes_no_button(prefix: str) -> None:
    assert providers.buttons(Environment({f"SOCIAL_AUTH_{prefix}_KEY": "k"})) == []


@pytest.mark.parametrize("prefix", ["OIDC", "LOCAL"])
def test_openid_connect_uses_pkce(prefix: str) -> None:
    assert providers.settings(environment(prefix))[f"SOCIAL_AUTH_{prefix}_USE_PKCE"] is True


def test_the_pipeline_neither_keeps_tokens_nor_looks_at_addresses() -> None:
    assert not [step for step in providers.PIPELINE if "extra_data" in step or "email" in step]


@pytest.mark.parametrize("provider", providers.PROVIDERS, ids=lambda provider: provider.name)
def test_a_provider_is_asked_with_an_s256_challenge_under_its_fixed_name(provider: providers.Provider) -> None:
    backend = import_string(provider.backend)

    assert backend.name == provider.name
    assert issubclass(backend, BaseOAuth2PKCE)
    assert dict(provider.fixed).get("USE_PKCE") or backend.DEFAULT_USE_PKCE
    assert backend.PKCE_DEFAULT_CODE_CHALLENGE_METHOD == "S256"


@pytest.mark.parametrize(
    ("given", "kept"), [("Ada\x00 Lovelace\u202e", "Ada Lovelace"), ("a" * 400, "a" * 150), (None, None), (7, None)]
)
def test_a_name_is_made_to_fit(given: object, kept: str | None) -> None:
    details = pipeline.fit(backend=None, uid="1", details={"first_name": given, "groups": ["admin"]})["details"]

    assert details == ({"first_name": kept} if kept else {})


@pytest.mark.parametrize("uid", ["1" * 256, "a\x00b", "a\nb"])
def test_an_identifier_that_does_not_fit_is_refused(uid: str) -> None:
    with pytest.raises(AuthResponseError):
        pipeline.fit(backend=SimpleNamespace(id_key=lambda: "sub"), uid=uid, details={})
