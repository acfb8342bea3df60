"""Buttons are shown for what is configured, and nothing else is."""

import pytest

from onboarding import providers
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
