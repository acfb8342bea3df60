"""A real authorization server, django-oauth-toolkit, in a process of its own; its access tokens are JWTs.

`python -m tests.fusebit_bridge.oauth_server PORT DIRECTORY`: the key is in DIRECTORY/key.pem, the client is `backend`
with the secret `only-for-tests`.
"""

import sys
import time
import uuid
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

CLIENT_ID, CLIENT_SECRET, KEY_ID = "backend", "only-for-tests", "as-1"
AUDIENCE_FIELD = "audience"


def signed(request: Any) -> str:
    """Make an access token: what django-oauth-toolkit calls instead of drawing a random one."""
    import jwt
    from django.conf import settings

    now = int(time.time())
    claims = {
        "iss": settings.OWN_ISSUER, "sub": request.client.client_id, "aud": request.body.split("audience=")[1],
        "iat": now, "exp": now + request.expires_in, "jti": uuid.uuid4().hex,
    }  # fmt: skip
    from urllib.parse import parse_qs

    claims["aud"] = parse_qs(request.body)[AUDIENCE_FIELD][0]
    return jwt.encode(claims, settings.OWN_KEY, algorithm="RS256", headers={"kid": KEY_ID})


class Quiet(WSGIRequestHandler):
    """Writes no log."""

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


class Server(ThreadingMixIn, WSGIServer):
    """One thread for each connection."""

    daemon_threads = True


def main() -> None:
    """Serve until killed."""
    port, directory = int(sys.argv[1]), Path(sys.argv[2])
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="only-for-tests" * 4,
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": directory / "as.sqlite3"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
        ROOT_URLCONF="tests.fusebit_bridge.oauth_urls",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        USE_TZ=True,
        OWN_ISSUER=f"http://127.0.0.1:{port}/o",
        OWN_KEY=(directory / "key.pem").read_text(),
        OAUTH2_PROVIDER={
            "ACCESS_TOKEN_GENERATOR": "tests.fusebit_bridge.oauth_server.signed",
            "ACCESS_TOKEN_EXPIRE_SECONDS": 600,
            "SCOPES": {"fusebit": "speak to Fusebit"},
        },
    )
    django.setup()
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from oauth2_provider.models import Application

    call_command("migrate", verbosity=0)
    Application.objects.create(
        name="backend",
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
    )
    with make_server("127.0.0.1", port, get_wsgi_application(), Server, Quiet) as server:
        print("Ready", flush=True)
        server.serve_forever(0.05)


if __name__ == "__main__":
    main()
