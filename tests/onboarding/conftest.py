"""The local OpenID provider as a process of its own, and browsers that sign in through it."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests

from onboarding import providers
from onboarding.environment import Environment

ROOT = Path(__file__).resolve().parents[2]
PASSWORDS = {"ada": "ada-password", "grace": "grace-password"}
HIDDEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
NEXT = re.compile(r'name="next" value="([^"]*)"')
NOTICE = re.compile(r'<p class="notice error" role="alert">(.*?)</p>', re.DOTALL)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(question: Callable[[], bool], what: str, patience_s: float = 30) -> None:
    """Return when the answer is yes."""
    deadline = time.monotonic() + patience_s
    while not question():
        assert time.monotonic() < deadline, f"{what} did not happen within {patience_s} s"
        time.sleep(0.05)


def answers(url: str) -> bool:
    """Tell whether `url` answers with 200."""
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False


@dataclass(frozen=True)
class Identity:
    """The running provider."""

    url: str
    client_id: str
    client_secret: str


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Identity]:
    """The provider of quickstart on a free port, with Ada and Grace."""
    folder = tmp_path_factory.mktemp("identity")
    people = [
        {
            "username": name,
            "password": password,
            "email": f"{name}@example.com",
            "role": "operator" if name == "operator" else "tenant",
        }
        for name, password in {**PASSWORDS, "operator": "x"}.items()
    ]
    (folder / "people.json").write_text(json.dumps({"people": people}))
    (folder / "client").write_text("client-secret")
    port = free_port()
    options = ("--port", str(port), "--data-dir", str(folder / "own"), "--people", str(folder / "people.json"))
    command = [sys.executable, "-m", "onboarding.identity", *options, "--client-secret-file", str(folder / "client")]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    found = Identity(f"http://127.0.0.1:{port}", "quickstart", "client-secret")
    try:
        wait_for(lambda: answers(f"{found.url}/.well-known/openid-configuration"), (folder / "log").read_text())
        yield found
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture
def local_provider(settings: object, identity: Identity) -> Identity:
    """Have the site offer the local provider."""
    offer(settings, identity.url, identity)
    return identity


def offer(settings: object, endpoint: str, identity: Identity) -> None:
    """Configure the local provider at `endpoint` as quickstart does, by names in the environment."""
    env = Environment(
        {
            "SOCIAL_AUTH_LOCAL_KEY": identity.client_id,
            "SOCIAL_AUTH_LOCAL_SECRET": identity.client_secret,
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
        hidden = {"csrfmiddlewaretoken": HIDDEN.search(page.text)[1], "next": unescaped(NEXT.search(page.text)[1])}
        form = {**hidden, "username": name, "password": PASSWORDS[name]}
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


def unescaped(text: str) -> str:
    """Return what a browser makes of an attribute's value."""
    return text.replace("&amp;", "&").replace("&quot;", '"').replace("&#x27;", "'")


@pytest.fixture
def site(live_server: object, local_provider: Identity) -> str:
    """The address of the running site."""
    return live_server.url.replace("localhost", "127.0.0.1")


@pytest.fixture
def visitor(site: str) -> Browser:
    """A browser without cookies."""
    return Browser(site)
