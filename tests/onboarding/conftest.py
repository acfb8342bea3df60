"""The local OpenID provider as a process of its own, and browsers that sign in through it."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests

from onboarding import providers
from onboarding.environment import Environment
from tests.processes import ROOT, answers, free_port, until

CLIENT_ID, CLIENT_SECRET = "quickstart", "only-for-tests"
HIDDEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
NEXT = re.compile(r'name="next" value="([^"]*)"')
NOTICE = re.compile(r'<p class="notice error" role="alert">(.*?)</p>', re.DOTALL)


class Identity:
    """The local OpenID provider with Ada and Grace."""

    def __init__(self, directory: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.passwords = {"ada": "ada-password-1", "grace": "grace-password-1"}
        people = [
            {"username": name, "password": word, "email": f"{name}@example.com", "role": "tenant"}
            for name, word in self.passwords.items()
        ]
        people.append({**people[0], "username": "operator", "role": "operator"})
        (directory / "people.json").write_text(json.dumps({"people": people}))
        (directory / "secret").write_text(CLIENT_SECRET)
        self._log = (directory / "log").open("wb")
        arguments = ["--people", str(directory / "people.json"), "--client-secret-file", str(directory / "secret")]
        command = [sys.executable, "-m", "onboarding.identity", "--port", str(port), "--data-dir", str(directory)]
        self._process = subprocess.Popen([*command, *arguments], cwd=ROOT, stdout=self._log, stderr=self._log)

    def wait(self) -> None:
        """Return when it answers."""
        until(lambda: answers(f"{self.url}/.well-known/openid-configuration"), "the identity process answering")

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)
        self._log.close()


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Identity]:
    """The provider of quickstart on a free port, with Ada and Grace."""
    running = Identity(tmp_path_factory.mktemp("identity"))
    try:
        running.wait()
        yield running
    finally:
        running.stop()


@pytest.fixture
def local_provider(settings: object, identity: Identity) -> Identity:
    """Have the site offer the local provider."""
    offer(settings, identity.url)
    return identity


def offer(settings: object, endpoint: str) -> None:
    """Configure the local provider at `endpoint` as quickstart does, by names in the environment."""
    env = Environment(
        {
            "SOCIAL_AUTH_LOCAL_KEY": CLIENT_ID,
            "SOCIAL_AUTH_LOCAL_SECRET": CLIENT_SECRET,
            "SOCIAL_AUTH_LOCAL_OIDC_ENDPOINT": endpoint,
        }
    )
    settings.AUTHENTICATION_BACKENDS = [*providers.backends(env), "django.contrib.auth.backends.ModelBackend"]
    settings.SIGN_IN_BUTTONS = providers.buttons(env)
    for name, value in providers.settings(env).items():
        setattr(settings, name, value)


@dataclass
class Browser:
    """Cookies and the few clicks of a sign-in; like a real one it sends cookies to every port of a host."""

    site: str
    identity: Identity
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **options: object) -> requests.Response:
        """Open a page."""
        return self.session.get(urljoin(self.site, path), timeout=20, **options)

    def notice(self, answer: requests.Response) -> str:
        """Return the sentence that a page shows for what went wrong."""
        found = NOTICE.search(answer.text)
        assert found, answer.text
        return found[1]

    def begin(self, next_path: str = "", provider: str = "local") -> str:
        """Press the button; return the address at the provider."""
        page = self.get("/login/", params={"next": next_path} if next_path else None)
        assert page.status_code == 200
        shown = NEXT.search(page.text)
        form = {"csrfmiddlewaretoken": HIDDEN.search(page.text)[1], "next": shown[1] if shown else ""}
        url = urljoin(self.site, f"/auth/login/{provider}/")
        answer = self.session.post(url, form, allow_redirects=False, timeout=20)
        assert answer.status_code == 302, answer.text
        return urljoin(url, answer.headers["Location"])

    def authorize(self, address: str, name: str = "ada") -> str:
        """Sign in at the provider; return the callback that it leads back to, not yet opened."""
        page = self.session.get(address, timeout=20)
        assert "Local sign-in" in page.text
        hidden = {"csrfmiddlewaretoken": HIDDEN.search(page.text)[1], "next": unescape(NEXT.search(page.text)[1])}
        form = {**hidden, "username": name, "password": self.identity.passwords[name]}
        answer = self.session.post(page.url, form, allow_redirects=False, timeout=20)
        for _ in range(5):
            location = urljoin(page.url, answer.headers["Location"])
            if location.startswith(self.site):
                return location
            answer = self.session.get(location, allow_redirects=False, timeout=20)
        raise AssertionError("the provider did not lead back")

    def sign_in(self, name: str = "ada", next_path: str = "") -> requests.Response:
        """Go all the way; return the answer of the callback, not followed."""
        return self.get(self.authorize(self.begin(next_path), name), allow_redirects=False)


@pytest.fixture
def site(live_server: object, local_provider: Identity) -> str:
    """The address of the running site."""
    return str(live_server).replace("localhost", "127.0.0.1")


@pytest.fixture
def visitor(site: str, identity: Identity) -> Browser:
    """A browser without cookies."""
    return Browser(site, identity)


@pytest.fixture
def other_visitor(site: str, identity: Identity) -> Browser:
    """Somebody else's browser."""
    return Browser(site, identity)
