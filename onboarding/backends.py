"""How we speak to each sign-in provider: social-auth's backends with PKCE, and strictness about where people go next.

The names decide the subjects at Fusebit (`github|583231`), so they never change.
"""

import re
from typing import Any

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme
from social_core.backends.auth0 import Auth0OAuth2
from social_core.backends.github import GithubOAuth2
from social_core.backends.gitlab import GitLabOAuth2
from social_core.backends.google import GoogleOAuth2
from social_core.backends.microsoft import MicrosoftOAuth2
from social_core.backends.oauth import BaseOAuth2PKCE
from social_core.backends.open_id_connect import OpenIdConnectAuth
from social_django.strategy import DjangoStrategy

NEXT = "next"
# Django's own check lets through paths with control characters, which a browser or a header may read differently.
PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


def is_our_path(target: str) -> bool:
    """Tell whether `target` is a path on this site: no scheme, no host, nothing that a browser might take for one."""
    return bool(PATH.fullmatch(target)) and url_has_allowed_host_and_scheme(target, allowed_hosts=None)


class OurPathsOnly(DjangoStrategy):
    """Leaves out of every request a `next` that leads anywhere else."""

    def request_data(self, merge: bool = True) -> Any:
        """Return the parameters, with an empty `next` for one that is not a path of ours."""
        found = super().request_data(merge=merge)
        if NEXT not in found or is_our_path(found[NEXT]):
            return found
        cleaned = found.copy()
        cleaned[NEXT] = ""
        return cleaned


class AsksAgain:
    """Has the provider ask whoever is signed in here already who they are: that confirms or adds an identity.

    A provider that only remembers the browser would vouch for whoever sits before it.
    """

    AGAIN: dict[str, Any] = {"prompt": "login"}
    strategy: Any

    @property
    def is_again(self) -> bool:
        """Tell whether this browser is signed in here."""
        request = self.strategy.request
        return request is not None and request.user.is_authenticated

    def auth_params(self, state: str | None = None) -> dict[str, Any]:
        """Return what the provider is sent."""
        params: dict[str, Any] = super().auth_params(state)  # type: ignore[misc]  # a mixin
        return {**params, **self.AGAIN} if self.is_again else params


class Google(AsksAgain, GoogleOAuth2[Any], BaseOAuth2PKCE[Any]):
    """Google, by its OAuth endpoints; the person is `sub`, never the address."""

    AGAIN = {"prompt": "select_account"}  # Google asks for a password when it sees fit


class GitHub(AsksAgain, GithubOAuth2[Any], BaseOAuth2PKCE[Any]):
    """GitHub."""

    AGAIN = {"prompt": "select_account"}  # the same


class GitLab(AsksAgain, GitLabOAuth2[Any], BaseOAuth2PKCE[Any]):
    """gitlab.com, or a GitLab of one's own."""

    def user_data(self, access_token: str, *_args: Any, **_kwargs: Any) -> dict[str, Any] | None:
        """Return the profile; the token goes into a header, because URLs end up in logs."""
        profile = self.get_json(self.api_url("/api/v4/user"), headers={"Authorization": f"Bearer {access_token}"})
        return profile if isinstance(profile, dict) else None


class Microsoft(AsksAgain, MicrosoftOAuth2[Any], BaseOAuth2PKCE[Any]):
    """Microsoft, work and personal accounts."""


class Auth0(AsksAgain, Auth0OAuth2[Any], BaseOAuth2PKCE[Any]):
    """Auth0."""


class OpenIdConnect(AsksAgain, OpenIdConnectAuth[Any]):
    """A provider whose token says when it saw the person (OpenID Connect Core 2, 3.1.2.1)."""

    AGAIN = {"prompt": "login", "max_age": 0}

    @property
    def vouched_at(self) -> float | None:
        """Return when the person signed in there, None where the provider does not say."""
        told = (self.id_token or {}).get("auth_time")
        return float(told) if isinstance(told, int | float) and not isinstance(told, bool) else None


class LocalSignIn(OpenIdConnect):
    """The OpenID provider of quickstart."""

    name = "local"


class AnyOpenIdConnect(OpenIdConnect):
    """Any other OpenID Connect issuer."""

    name = "oidc"


def wanted_path(request: HttpRequest) -> str:
    """Return the `next` of a request when it is a path of ours, else the empty string."""
    wanted = request.GET.get(NEXT, "")
    return wanted if is_our_path(wanted) else ""
