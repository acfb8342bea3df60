"""The identity process, and a visitor who follows redirects and forms."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests import processes

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
HIDDEN_NEXT = re.compile(r'name="next" value="([^"]*)"')


@pytest.fixture(scope="session")
def identity_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[processes.Identity]:
    """The local OpenID provider."""
    with processes.identity(tmp_path_factory.mktemp("identity")) as identity:
        yield identity


@pytest.fixture
def identity(identity_process: processes.Identity, settings: Any) -> processes.Identity:
    """The provider, known to the site."""
    settings.SOCIAL_AUTH_LOCAL_OIDC_ENDPOINT = identity_process.url
    settings.SITE_URL = "http://127.0.0.1"
    return identity_process


class Visitor:
    """A browser without a screen."""

    def __init__(self, site: str, identity: processes.Identity) -> None:
        self.site = site
        self.identity = identity
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path: str, **options: object) -> requests.Response:
        return self.session.get(f"{self.site}{path}", timeout=20, **options)  # type: ignore[arg-type]

    def begin(self, next_path: str = "") -> str:
        """Press the button; return where the provider is asked."""
        page = self.get("/login/").text
        form = {"csrfmiddlewaretoken": TOKEN.findall(page)[0], **({"next": next_path} if next_path else {})}
        answer = self.session.post(
            f"{self.site}/auth/login/local/",
            form,
            headers={"Referer": f"{self.site}/login/"},
            allow_redirects=False,
            timeout=20,
        )
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"])

    def authenticate(self, authorization_url: str, who: str = "ada") -> str:
        """Sign in at the provider; return the callback URL with the code."""
        answer = self.session.get(authorization_url, timeout=20, allow_redirects=False)
        if "/login/" in answer.headers.get("Location", ""):
            login_url = self.identity.url + answer.headers["Location"].removeprefix(self.identity.url)
            page = self.session.get(login_url, timeout=20).text
            form = {
                "csrfmiddlewaretoken": TOKEN.findall(page)[0],
                "next": HIDDEN_NEXT.findall(page)[0].replace("&amp;", "&"),
                "username": who,
                "password": self.identity.passwords[who],
            }
            answer = self.session.post(
                login_url, form, headers={"Referer": login_url}, timeout=20, allow_redirects=False
            )
            answer = self.session.get(self.identity.url + answer.headers["Location"], timeout=20, allow_redirects=False)
        return str(answer.headers["Location"])

    def sign_in(self, who: str = "ada", next_path: str = "") -> requests.Response:
        """Walk the whole flow."""
        callback = self.authenticate(self.begin(next_path), who)
        return self.session.get(callback, timeout=20, allow_redirects=False)


@pytest.fixture
def visitor(live_server: object, identity: processes.Identity) -> Visitor:
    """Somebody with a fresh browser."""
    return Visitor(str(live_server), identity)
