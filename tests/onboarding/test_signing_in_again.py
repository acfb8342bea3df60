"""What a provider remembers of a browser confirms nothing: whoever is signed in here is asked there once more."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from django.contrib.auth.models import AnonymousUser, User
from django.test import RequestFactory
from django.utils.module_loading import import_string
from social_django.models import UserSocialAuth
from social_django.utils import load_strategy

from onboarding import providers
from onboarding.environment import Environment
from tests.embedded import KeyPair
from tests.fusebit_bridge.wire import Seen, Wire, say, serving
from tests.onboarding.conftest import HIDDEN, NOTICE, Browser

AGO = 3600


@dataclass
class StandIn:
    """An OpenID provider that has everybody signed in, as `subject`, since `auth_time`."""

    wire: Wire
    key: KeyPair = field(default_factory=KeyPair)
    subject: str = "7"
    auth_time: Any = None
    nonce: str = ""

    def answer(self, handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        """Answer discovery, keys, tokens and who somebody is."""
        url = self.wire.url
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.private.public_key(), as_dict=True)
        answers = {
            "/.well-known/openid-configuration": {
                "issuer": url, "authorization_endpoint": f"{url}/authorize", "token_endpoint": f"{url}/token",
                "jwks_uri": f"{url}/jwks", "userinfo_endpoint": f"{url}/me", "response_types_supported": ["code"],
                "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            },
            "/jwks": {"keys": [{**public, "kid": self.key.kid, "use": "sig", "alg": "RS256"}]},
            "/token": {"access_token": "opaque-for-tests", "token_type": "Bearer", "id_token": self._id_token()},
            "/me": {"sub": self.subject, "name": "Somebody"},
        }  # fmt: skip
        say(200, answers[urlsplit(seen.target).path])(handler, seen)

    def _id_token(self) -> str:
        now = int(time.time())
        claims = {"iss": self.wire.url, "sub": self.subject, "aud": "client", "iat": now, "exp": now + 60}
        claims |= {"nonce": self.nonce, **({} if self.auth_time is None else {"auth_time": self.auth_time})}
        return self.key.sign(claims)


@pytest.fixture
def stand_in(settings: Any) -> Iterator[StandIn]:
    """The stand-in as the site's only provider."""
    with serving() as wire:
        provider = StandIn(wire)
        wire.answer = provider.answer
        env = Environment(
            {f"SOCIAL_AUTH_OIDC_{name}": value for name, value in
             (("KEY", "client"), ("SECRET", "only-for-tests"), ("OIDC_ENDPOINT", wire.url))}
        )  # fmt: skip
        settings.AUTHENTICATION_BACKENDS = [*providers.backends(env), "django.contrib.auth.backends.ModelBackend"]
        settings.SIGN_IN_BUTTONS = providers.buttons(env)
        for name, value in providers.settings(env).items():
            setattr(settings, name, value)
        yield provider


@pytest.fixture
def visitor(live_server: object, stand_in: StandIn) -> Browser:
    """A browser without cookies."""
    return Browser(str(live_server).replace("localhost", "127.0.0.1"), SimpleNamespace())  # type: ignore[arg-type]


def begin(visitor: Browser, page: str = "/login/") -> dict[str, str]:
    """Press a button; return what the provider is asked."""
    token = HIDDEN.search(visitor.get(page).text)[1]  # type: ignore[index]
    form = {"csrfmiddlewaretoken": token, "next": "/account/"}
    url = f"{visitor.site}/auth/login/oidc/"
    location = visitor.session.post(url, form, allow_redirects=False, timeout=20).headers["Location"]
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def come_back(visitor: Browser, stand_in: StandIn, asked: dict[str, str]) -> requests.Response:
    """Let the provider lead back at once, as one does that remembers the browser."""
    stand_in.nonce = asked["nonce"]
    answer = visitor.get("/auth/complete/oidc/", params={"code": "c", "state": asked["state"]})
    assert stand_in.wire.seen, answer.text
    return answer


def press(visitor: Browser, path: str) -> requests.Response:
    token = HIDDEN.search(visitor.get("/account/").text)[1]  # type: ignore[index]
    return visitor.session.post(visitor.site + path, {"csrfmiddlewaretoken": token}, timeout=20)


@pytest.mark.django_db(transaction=True)
def test_a_first_visit_is_not_asked_twice(visitor: Browser, stand_in: StandIn) -> None:
    asked = begin(visitor)

    assert not {"prompt", "max_age"} & asked.keys()
    assert "Add another" in come_back(visitor, stand_in, asked).text


@pytest.mark.django_db(transaction=True)
def test_a_provider_that_only_remembers_the_browser_confirms_nothing(visitor: Browser, stand_in: StandIn) -> None:
    stand_in.auth_time = int(time.time()) - AGO
    page = come_back(visitor, stand_in, begin(visitor)).text
    asked = begin(visitor, "/account/")

    again = come_back(visitor, stand_in, asked).text

    assert "Confirm that it is you" in page
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    assert "did not ask who you are" in NOTICE.search(again)[1]  # type: ignore[index]
    assert "Confirm that it is you" in again
    assert press(visitor, "/account/link/oidc/").url.endswith("/account/")


@pytest.mark.django_db(transaction=True)
def test_whoever_signs_in_there_once_more_may_add_an_identity(visitor: Browser, stand_in: StandIn) -> None:
    stand_in.auth_time = int(time.time()) - AGO
    come_back(visitor, stand_in, begin(visitor))
    stand_in.auth_time = int(time.time())
    confirmed = come_back(visitor, stand_in, begin(visitor, "/account/")).text
    press(visitor, "/account/link/oidc/")
    stand_in.subject = "8"

    page = come_back(visitor, stand_in, begin(visitor, "/account/")).text

    assert "Add another" in confirmed
    assert "oidc|8" in page
    assert (User.objects.count(), UserSocialAuth.objects.count()) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_an_identity_that_a_provider_only_remembers_is_not_added(visitor: Browser, stand_in: StandIn) -> None:
    come_back(visitor, stand_in, begin(visitor))
    press(visitor, "/account/link/oidc/")
    stand_in.subject, stand_in.auth_time = "8", int(time.time()) - AGO

    page = come_back(visitor, stand_in, begin(visitor, "/account/")).text

    assert "did not ask who you are" in NOTICE.search(page)[1]  # type: ignore[index]
    assert UserSocialAuth.objects.count() == 1


OTHERS = [provider for provider in providers.PROVIDERS if "OIDC_ENDPOINT" not in provider.needs]


@pytest.mark.parametrize("provider", OTHERS, ids=lambda provider: provider.name)
def test_every_other_provider_is_told_to_ask_again(provider: providers.Provider, settings: Any) -> None:
    for name in ("KEY", "SECRET", "DOMAIN"):
        setattr(settings, f"{provider.prefix}_{name}", "x")
    request = RequestFactory().get("/")
    request.session = {}  # type: ignore[assignment]
    request.user = AnonymousUser()
    backend = import_string(provider.backend)(load_strategy(request), redirect_uri="https://app.example.com/")

    first = backend.auth_params()
    request.user = User()
    again = backend.auth_params()

    assert "max_age" not in first
    assert again["prompt"] in {"login", "select_account"}
