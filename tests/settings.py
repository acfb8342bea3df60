"""Both banks in one Django, so that one test command, one mypy run and one migration check see them both."""

import os
import tempfile
from pathlib import Path

RUN_DIR = Path(os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="onboarding-tests-")))
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "0123456789abcdef" * 4)
os.environ.setdefault("KEY_ENCRYPTION_KEYS", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
os.environ.setdefault("CLIENT_KEY_ENCRYPTION_KEYS", "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=")

os.environ.setdefault("SOCIAL_AUTH_LOCAL_KEY", "quickstart")
os.environ.setdefault("SOCIAL_AUTH_LOCAL_SECRET", "only-for-tests")
os.environ.setdefault("SOCIAL_AUTH_LOCAL_OIDC_ENDPOINT", "http://127.0.0.1:1")

import dj_database_url  # noqa: E402

from onboarding.settings import *  # noqa: E402, F403
from onboarding.settings import DATABASES, INSTALLED_APPS, SQLITE_OPTIONS  # noqa: E402

INSTALLED_APPS = [*INSTALLED_APPS, "fusebit_platform"]
DATABASES["platform"] = dj_database_url.parse(
    os.environ.get("PLATFORM_DATABASE_URL", f"sqlite:///{RUN_DIR / 'platform.sqlite3'}")
)
DATABASE_ROUTERS = ["tests.routers.TwoBanks"]
for alias, database in DATABASES.items():
    if database["ENGINE"].endswith("sqlite3"):
        database["OPTIONS"] = SQLITE_OPTIONS
        database["TEST"] = {"NAME": str(RUN_DIR / f"test-{alias}.sqlite3")}  # threads need a file
    else:
        database["OPTIONS"] = {name: value for name, value in database["OPTIONS"].items() if name != "pool"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
