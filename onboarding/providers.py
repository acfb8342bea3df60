"""The sign-in providers that are configured, and what social-auth needs to know of them.

A provider is configured when the environment has its key and secret, and whatever else it cannot do without; only then
does it have a button.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from social_core.backends.open_id_connect import OpenIdConnectAuth

from onboarding.environment import Environment

# The stock pipeline, except that a person and their association are made in one step that can be run twice at once,
# and that the provider's tokens are not kept. E-mail never associates accounts.
PIPELINE = (
    "social_core.pipeline.social_auth.social_details",
    "social_core.pipeline.social_auth.social_names",
    "social_core.pipeline.social_auth.social_uid",
    "social_core.pipeline.social_auth.auth_allowed",
    "social_core.pipeline.social_auth.social_user",
    "onboarding.pipeline.enrol",
    "social_core.pipeline.social_auth.associate_user",
    "social_core.pipeline.user.user_details",
)


class LocalSignIn(OpenIdConnectAuth[Any]):
    """The OpenID provider of quickstart."""

    name = "local"


class AnyOpenIdConnect(OpenIdConnectAuth[Any]):
    """Any other OpenID Connect issuer."""

    name = "oidc"


@dataclass(frozen=True)
class Provider:
    """A provider: how social-auth calls it, what the button says, which settings it needs."""

    name: str
    title: str
    backend: str
    needs: tuple[str, ...] = ("KEY", "SECRET")
    fixed: tuple[tuple[str, Any], ...] = ()
    origin: str = ""

    @property
    def prefix(self) -> str:
        """Return how its settings begin."""
        return f"SOCIAL_AUTH_{self.name.upper().replace('-', '_')}"

    def is_configured(self, env: Environment) -> bool:
        """Tell whether the environment has everything it needs."""
        return all(env.secret(f"{self.prefix}_{name}") for name in self.needs)


# RFC 7636: S256 wherever the library leaves it off.
OPENID_CONNECT = (("USE_PKCE", True), ("TOKEN_ENDPOINT_AUTH_METHOD", "client_secret_basic"))
WITH_ENDPOINT = ("KEY", "SECRET", "OIDC_ENDPOINT")
PROVIDERS = (
    Provider("local", "Local sign-in", "onboarding.providers.LocalSignIn", WITH_ENDPOINT, OPENID_CONNECT),
    Provider(
        "google-oauth2",
        "Google",
        "social_core.backends.google.GoogleOAuth2",
        origin="https://accounts.google.com",
    ),
    Provider("github", "GitHub", "social_core.backends.github.GithubOAuth2", origin="https://github.com"),
    Provider("gitlab", "GitLab", "social_core.backends.gitlab.GitLabOAuth2", origin="https://gitlab.com"),
    Provider(
        "microsoft-graph",
        "Microsoft",
        "social_core.backends.microsoft.MicrosoftOAuth2",
        origin="https://login.microsoftonline.com",
    ),
    Provider("auth0", "Auth0", "social_core.backends.auth0.Auth0OAuth2", ("KEY", "SECRET", "DOMAIN")),
    Provider("oidc", "OpenID Connect", "onboarding.providers.AnyOpenIdConnect", WITH_ENDPOINT, OPENID_CONNECT),
)
OPTIONAL = ("SCOPE", "TITLE", "API_URL", "TENANT_ID", "ID_TOKEN_ISSUER")


def configured(env: Environment) -> list[Provider]:
    """Return the providers that have a button, in the order of the buttons."""
    return [provider for provider in PROVIDERS if provider.is_configured(env)]


def backends(env: Environment) -> list[str]:
    """Return the dotted paths of the configured social-auth backends."""
    return [provider.backend for provider in configured(env)]


def buttons(env: Environment) -> list[dict[str, str]]:
    """Return `{name, title}` of each button."""
    return [
        {"name": provider.name, "title": env.text(f"{provider.prefix}_TITLE", provider.title)}
        for provider in configured(env)
    ]


def settings(env: Environment) -> dict[str, Any]:
    """Return the SOCIAL_AUTH_* settings of the configured backends."""
    values: dict[str, Any] = {}
    for provider in configured(env):
        for name in provider.needs:
            values[f"{provider.prefix}_{name}"] = env.secret(f"{provider.prefix}_{name}")
        for name in OPTIONAL:
            if text := env.text(f"{provider.prefix}_{name}"):
                values[f"{provider.prefix}_{name}"] = text.split() if name == "SCOPE" else text
        values.update({f"{provider.prefix}_{name}": value for name, value in provider.fixed})
    return values


def origins(env: Environment) -> list[str]:
    """Return the origins that the sign-in form may be redirected to."""
    found = []
    for provider in configured(env):
        endpoint = env.text(f"{provider.prefix}_OIDC_ENDPOINT") or env.text(f"{provider.prefix}_API_URL")
        domain = env.text(f"{provider.prefix}_DOMAIN")
        parts = urlsplit(endpoint or (f"https://{domain}" if domain else provider.origin))
        found.append(f"{parts.scheme}://{parts.netloc}")
    # An issuer may send people to sign in on a host of its own.
    return [*found, *env.words("SIGN_IN_ORIGINS")]
