"""Django's settings of the embedded Fusebit: its own database, no sessions, no admin, no middleware."""

import os
import secrets

import dj_database_url

from fusebit_platform import configuration

_configuration = configuration.current()
DATA_DIR = _configuration.data_dir

DEBUG = False
SECRET_KEY = secrets.token_hex(32)  # nothing is signed with it
ALLOWED_HOSTS = ["*"]  # the host of a request appears in locations only (contract 1.6)
INSTALLED_APPS = ["fusebit_platform", "rest_framework"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "fusebit_platform.urls"
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = None  # every route has its own limit

SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",  # a read that turns into a write must not meet another writer half-way
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA trusted_schema=OFF;",
}
DATABASES = {
    "default": dj_database_url.parse(
        os.environ.get("PLATFORM_DATABASE_URL") or f"sqlite:///{DATA_DIR / 'platform.sqlite3'}"
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS
# Requests run on a fixed set of threads, each of which keeps its connection.
DATABASES["default"]["CONN_MAX_AGE"] = None
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REST_FRAMEWORK = {"UNAUTHENTICATED_USER": None, "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL") or "WARNING"},
}
