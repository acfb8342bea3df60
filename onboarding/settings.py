"""The site's settings: one file, every value from the environment (see docs/configuration.md)."""

from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from onboarding import providers
from onboarding.environment import Environment, data_dir

env = Environment.load()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = data_dir()
SITE_URL = env.origin("SITE_URL", "http://127.0.0.1:8000")
SITE_HOST = urlsplit(SITE_URL).hostname or ""
IS_LOCAL = SITE_HOST in {"127.0.0.1", "localhost"}

DEBUG = env.boolean("DEBUG")
SECRET_KEY = env.secret("SECRET_KEY")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Run `python manage.py quickstart`, or set SECRET_KEY or SECRET_KEY_FILE."
    )
SECRET_KEY_FALLBACKS = [key.strip() for key in env.secret("SECRET_KEY_FALLBACKS").split(",") if key.strip()]
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost" if IS_LOCAL else SITE_HOST)
CSRF_TRUSTED_ORIGINS = [] if IS_LOCAL else [SITE_URL]

INSTALLED_APPS = [
    "tenants",
    "fusebit_bridge",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "social_django",
    "onboarding",
    "rest_framework",
    "drf_spectacular",
    "csp",
    "django_htmx",
]

MIDDLEWARE = [
    "onboarding.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "onboarding.middleware.CanonicalHostMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "onboarding.middleware.MethodNotAllowedMiddleware",
    "onboarding.middleware.SignInErrorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "onboarding.urls"
ASGI_APPLICATION = "onboarding.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tenants.views.scope.workspaces",
            ],
        },
    }
]

# -- data --
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",  # a read that turns into a write must not meet another writer half-way
    "timeout": 60,
    "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;",
}
DATABASES = {"default": dj_database_url.parse(env.text("DATABASE_URL", f"sqlite:///{DATA_DIR / 'site.sqlite3'}"))}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS
else:
    given = DATABASES["default"].get("OPTIONS", {})  # what the URL says after "?": a socket, sslmode
    DATABASES["default"]["OPTIONS"] = {**given, "pool": {"min_size": 1, "max_size": 8, "timeout": 10}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- sign-in --
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
AUTHENTICATION_BACKENDS = [*providers.backends(env), "django.contrib.auth.backends.ModelBackend"]
SIGN_IN_BUTTONS = providers.buttons(env)
SIGN_IN_HALF_CONFIGURED = providers.half_configured(env)
globals().update(providers.settings(env))
SOCIAL_AUTH_URL_NAMESPACE = "social"
SOCIAL_AUTH_LOGIN_ERROR_URL = LOGIN_URL
SOCIAL_AUTH_RAISE_EXCEPTIONS = False
SOCIAL_AUTH_REQUESTS_TIMEOUT = 10
SOCIAL_AUTH_REDIRECT_IS_HTTPS = SITE_URL.startswith("https:")
SOCIAL_AUTH_PIPELINE = providers.PIPELINE
SOCIAL_AUTH_STRATEGY = "onboarding.backends.OurPathsOnly"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]

# -- Fusebit --
FUSEBIT_PROFILE_FILE = env.text("FUSEBIT_PROFILE_FILE")
TENANT_ISSUER_ID = env.text("TENANT_ISSUER_ID")
FUSEBIT_RUN_ORIGINS = env.words("FUSEBIT_RUN_ORIGINS")
FUSEBIT_ISSUERS_OF_PROVIDERS = env.pairs("FUSEBIT_ISSUERS_OF_PROVIDERS")
FUSEBIT_TOKEN_URL = env.text("FUSEBIT_TOKEN_URL")
FUSEBIT_TOKEN_SCOPE = env.text("FUSEBIT_TOKEN_SCOPE")
FUSEBIT_CLIENT_ID = env.text("FUSEBIT_CLIENT_ID")
FUSEBIT_CLIENT_SECRET = env.later("FUSEBIT_CLIENT_SECRET")
FUSEBIT_RATE = env.number("FUSEBIT_RATE", 20)
KEY_ENCRYPTION_KEYS = env.later("KEY_ENCRYPTION_KEYS")
CLIENT_KEY_ENCRYPTION_KEYS = env.later("CLIENT_KEY_ENCRYPTION_KEYS")

METRICS_TOKEN = env.secret("METRICS_TOKEN")
SECRET_FILES = env.secret_files()

# -- what the browser may do --
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        # Chromium applies form-action to the redirect that follows the sign-in form's POST.
        "form-action": [SELF, *providers.origins(env)],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}
SECURE = SITE_URL.startswith("https:")
# A browser takes a cookie of this prefix from this very host, over TLS, and from nobody else.
COOKIE_PREFIX = "__Host-" if SECURE else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}onboarding_session"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}onboarding_csrf"
CSRF_FAILURE_VIEW = "onboarding.views.csrf_failure"
SESSION_COOKIE_SAMESITE = "Lax"  # the provider's redirect back is a cross-site GET
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SECURE_SSL_REDIRECT = SECURE and not env.boolean("TLS_ENDS_ELSEWHERE")
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.boolean("BEHIND_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

MAX_FUNCTIONS_PER_TENANT = env.number("MAX_FUNCTIONS_PER_TENANT", 200)

# -- the REST API --
API_RATE = env.text("API_RATE", "1200/min")
API_RUN_RATE = env.text("API_RUN_RATE", "600/min")
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.api.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tenants.api.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["tenants.api.throttles.PerPerson", "tenants.api.throttles.RunsPerPerson"],
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "tenants.api.errors.answer",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tenant API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "tenants.api.schema.with_errors",
    ],
}

# -- the rest --
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = env.text("STATIC_ROOT") or None
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "onboarding.logs.RedactSecrets"}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {reference} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["redact"]}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    # Django and uvicorn bring handlers of their own, which redact nothing.
    "loggers": {
        **{name: {"handlers": [], "propagate": True} for name in ("django", "uvicorn", "uvicorn.error")},
        "uvicorn.access": {"handlers": [], "propagate": False},
        "social": {"level": "CRITICAL"},  # our middleware says the same in one line, with the reference
    },
}
