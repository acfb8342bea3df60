"""The sign-in providers that are configured, and what social-auth needs to know of them.

A provider is configured when the environment has its key and secret, and whatever else it cannot do without; only then
does it have a button.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from onboarding.environment import Environment

# The stock pipeline, except that a person and their association are made in one step that can be run twice at once,
# and that the provider's tokens are not kept. E-mail never associates accounts, and nobody is signed in as two.
PIPELINE = (
    "social_core.pipeline.social_auth.social_details",
    "social_core.pipeline.social_auth.social_names",
    "social_core.pipeline.social_auth.social_uid",
    "social_core.pipeline.social_auth.auth_allowed",
    "onboarding.pipeline.fit",
    "social_core.pipeline.social_auth.social_user",
    "onboarding.pipeline.refuse",
    "onboarding.pipeline.enrol",
    "onboarding.pipeline.confirm",
    "social_core.pipeline.social_auth.associate_user",
    "social_core.pipeline.user.user_details",
)


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

    def missing(self, env: Environment) -> list[str]:
        """Return the names that the environment lacks."""
        names = [f"{self.prefix}_{name}" for name in self.needs]
        return [name for name in names if not env.secret(name)]

    def origins(self, env: Environment) -> list[str]:
        """Return the origins that a browser is sent to."""
        endpoint = env.text(f"{self.prefix}_OIDC_ENDPOINT") or env.text(f"{self.prefix}_API_URL")
        domain = env.text(f"{self.prefix}_DOMAIN")
        parts = urlsplit(endpoint or (f"https://{domain}" if domain else self.origin))
        return [f"{parts.scheme}://{parts.netloc}"]


# RFC 7636: S256, which the library leaves off for OpenID Connect.
PKCE = (("USE_PKCE", True),)
# Whoever comes to the local provider is asked who they are: its people share one machine and often one browser.
LOCAL = (*PKCE, ("TOKEN_ENDPOINT_AUTH_METHOD", "client_secret_basic"), ("PROMPT", "login"))
WITH_ENDPOINT = ("KEY", "SECRET", "OIDC_ENDPOINT")
MICROSOFT = "https://login.microsoftonline.com"
PROVIDERS = (
    Provider("local", "Local sign-in", "onboarding.backends.LocalSignIn", WITH_ENDPOINT, LOCAL),
    Provider("google-oauth2", "Google", "onboarding.backends.Google", origin="https://accounts.google.com"),
    Provider("github", "GitHub", "onboarding.backends.GitHub", origin="https://github.com"),
    Provider("gitlab", "GitLab", "onboarding.backends.GitLab", origin="https://gitlab.com"),
    Provider("microsoft-graph", "Microsoft", "onboarding.backends.Microsoft", origin=MICROSOFT),
    Provider("auth0", "Auth0", "onboarding.backends.Auth0", ("KEY", "SECRET", "DOMAIN")),
    Provider("oidc", "OpenID Connect", "onboarding.backends.AnyOpenIdConnect", WITH_ENDPOINT, PKCE),
)
OPTIONAL = ("SCOPE", "TITLE", "API_URL", "ID_TOKEN_ISSUER", "TOKEN_ENDPOINT_AUTH_METHOD")


def configured(env: Environment) -> list[Provider]:
    """Return the providers that have a button, in the order of the buttons."""
    return [provider for provider in PROVIDERS if not provider.missing(env)]


def half_configured(env: Environment) -> dict[str, list[str]]:
    """Return, by provider, the names still missing where some are there."""
    missing = {provider.name: provider.missing(env) for provider in PROVIDERS}
    needs = {provider.name: len(provider.needs) for provider in PROVIDERS}
    return {name: names for name, names in missing.items() if 0 < len(names) < needs[name]}


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
        values.update({f"{provider.prefix}_{name}": value for name, value in provider.fixed})
        for name in provider.needs:
            text = env.secret(f"{provider.prefix}_{name}")
            values[f"{provider.prefix}_{name}"] = text.rstrip("/") if name == "OIDC_ENDPOINT" else text
        for name in OPTIONAL:
            if text := env.text(f"{provider.prefix}_{name}"):
                values[f"{provider.prefix}_{name}"] = text.split() if name == "SCOPE" else text
    return values


def origins(env: Environment) -> list[str]:
    """Return the origins that the sign-in form may be redirected to."""
    # An issuer may send people to sign in on a host of its own.
    return [origin for provider in configured(env) for origin in provider.origins(env)] + env.words("SIGN_IN_ORIGINS")
