"""A real Chromium, the whole product beside it, and eyes for what no assertion names."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Playwright keeps an event loop in the thread of the test, where Django would refuse to touch the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect
from pytest_django.live_server_helper import LiveServer

from tenants.models import FusebitUser, State
from tests.cast import Cast, assemble
from tests.pages.conftest import go_live
from tests.processes import ROOT, environment, free_port, until

SCREENSHOTS = Path(__file__).parent / "screenshots"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
# What Chromium itself logs when a request is answered with the status that the test asked for.
REFUSAL = "the server responded with a status of {}"
VIEWS = {"light": (1280, 800, "light"), "dark": (1280, 800, "dark"), "narrow": (360, 740, "light")}


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the machine's Chromium."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    return {**browser_type_launch_args, "executable_path": found, "args": FLAGS}


@dataclass
class Watch:
    """Collects what a page logs: script errors, blocked styles and scripts, resources that did not load."""

    said: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        """Listen to one page."""
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.said.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.said.append(f"{message.text} {message.location}")

    def assert_quiet(self, *, but: tuple[int, ...] = ()) -> None:
        """Fail unless nothing was logged, apart from answers with the statuses `but`."""
        expected = [REFUSAL.format(status) for status in but]
        assert [text for text in self.said if not any(part in text for part in expected)] == []


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Watch every page that the test opens; a test that says nothing else expects silence."""
    watching = Watch()
    yield watching
    watching.assert_quiet(but=(403, 404, 410, 412, 422))


@pytest.fixture
def open_context(browser: Browser, watch: Watch) -> Iterator[Callable[..., BrowserContext]]:
    """Make browsers that share nothing with each other."""
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(
            **{"reduced_motion": "reduce", "viewport": {"width": 1280, "height": 800}, **options}
        )
        context.set_default_timeout(10_000)
        context.on("page", watch.listen)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


def interactive(page: Page) -> None:
    """Return when the editor has come alive.

    By an attribute, since what Playwright polls as a program is an `eval` that the page's policy refuses.
    """
    expect(page.locator("[data-workbench][data-interactive]")).to_be_attached(timeout=30_000)


def look(page: Page, name: str) -> None:
    """Take a screenshot in light, dark and narrow; fail on any axe violation or horizontal scrolling."""
    SCREENSHOTS.mkdir(exist_ok=True)
    for view, (width, height, scheme) in VIEWS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.screenshot(path=SCREENSHOTS / f"{name}-{view}.png", full_page=view == "narrow", caret="initial")
        found = Axe().run(page, options={"preload": False})  # it would put inline styles where CSP forbids them
        assert found.violations_count == 0, f"{name} {view}: {found.generate_report()}"
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{name} {view} scrolls sideways by {overflow} px"
    page.set_viewport_size({"width": 1280, "height": 800})


@dataclass(frozen=True)
class Stack:
    """The product as `quickstart` runs it, on ports of its own."""

    url: str
    passwords: dict[str, str]
    data_dir: Path
    said: str  # on both outputs, until it was ready

    def sign_in(self, page: Page, who: str, at: str = "") -> None:
        """Go through the whole authorization-code flow, as a person does who opens the site, or the page `at`."""
        page.goto(at or self.url)
        page.get_by_role("button", name="Continue with Local sign-in").click()
        page.locator("[name=username]").fill(who)
        page.locator("[name=password]").fill(self.passwords[who])
        page.get_by_role("button", name=re.compile("sign in", re.IGNORECASE)).click()
        page.wait_for_url(re.compile(re.escape(self.url)))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product, run by its own first command."""
    with product(tmp_path_factory.mktemp("stack")) as running:
        yield running


@contextmanager
def product(directory: Path) -> Iterator[Stack]:
    """Run the product by its own first command."""
    port = free_port()
    ports = ["--port", str(port), "--platform-port", str(free_port()), "--identity-port", str(free_port())]
    command = [sys.executable, str(ROOT / "manage.py"), "quickstart", *ports, "--no-browser"]
    output, log = directory / "stdout", directory / "stderr"
    with output.open("wb") as stdout, log.open("wb") as stderr:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(directory / "data"), stdout=stdout, stderr=stderr)
    try:
        until(lambda: "Ready:" in output.read_text() or process.poll() is not None, "Ready", 90)
        assert process.poll() is None, log.read_text()
        people = json.loads((directory / "data" / "people.json").read_text())["people"]
        passwords = {one["username"]: one["password"] for one in people}
        yield Stack(f"http://127.0.0.1:{port}", passwords, directory / "data", log.read_text() + output.read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """The cast; Ada's hello is live."""
    made = assemble()
    FusebitUser.objects.filter(user=made.ada).update(state=State.READY, observed_gen=1, remote_user_id="usr-ada")
    go_live(made.hello)
    return made


@pytest.fixture
def signed_in(live_server: LiveServer, open_context: Callable[..., BrowserContext]) -> Callable[..., Page]:
    """Open a page at `path` in which `user` is signed in, on rows that the test arranged."""

    def make(user: User, path: str, **options: Any) -> Page:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        context = open_context(base_url=live_server.url, **options)
        for cookie in client.cookies.values():
            context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
        page = context.new_page()
        page.goto(path)
        return page

    return make


expect.set_options(timeout=10_000)
