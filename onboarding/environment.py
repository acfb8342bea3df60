"""Reads the configuration: the environment first, then the settings file in the data directory.

`quickstart` writes `<data-dir>/settings.env`, so that every management command run afterwards sees the same
configuration as the processes it started. A name may be given as `NAME` or, for secrets, as `NAME_FILE`.
"""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

AUTHORITY = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")
SETTINGS_FILE = "settings.env"
TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})


def data_dir() -> Path:
    """Return the directory for run-time data: `DATA_DIR`, by default `.local` beside manage.py."""
    configured = os.environ.get("DATA_DIR")
    return Path(configured).expanduser().resolve() if configured else Path(__file__).resolve().parent.parent / ".local"


def read_settings_file(path: Path) -> dict[str, str]:
    """Return the `NAME=value` lines of `path`, or nothing when there is no such file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ImproperlyConfigured(f"The settings file {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"The settings file {path} is not text.") from None
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


class Environment:
    """Typed access to configuration; every method raises ImproperlyConfigured on a value it cannot use."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values
        self.names: set[str] = set()

    def _find(self, name: str) -> str | None:
        """Return what `name` is set to, and remember that it was asked for: those names are the configuration."""
        self.names.add(name)
        return self._values.get(name)

    @classmethod
    def load(cls) -> "Environment":
        """Read the process environment over the settings file of the data directory."""
        return cls({**read_settings_file(data_dir() / SETTINGS_FILE), **os.environ})

    def text(self, name: str, default: str = "") -> str:
        """Return `name` as it is written, or `default` when it is absent or empty."""
        return self._find(name) or default

    def boolean(self, name: str, *, default: bool = False) -> bool:
        """Return `name` as a truth value (1/0, true/false, yes/no, on/off)."""
        value = self._find(name)
        if value is None:
            return default
        if value.lower() in TRUE:
            return True
        if value.lower() in FALSE:
            return False
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")

    def number(self, name: str, default: float) -> float:
        """Return `name` as a number that is not negative."""
        value = self._find(name)
        if not value:
            return default
        try:
            number = float(value)
        except ValueError:
            raise ImproperlyConfigured(f"{name} must be a number, not {value!r}.") from None
        if number < 0:
            raise ImproperlyConfigured(f"{name} must not be negative.")
        return number

    def words(self, name: str, default: str = "") -> list[str]:
        """Return the comma-separated members of `name`, without blanks."""
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    def pairs(self, name: str) -> dict[str, str]:
        """Return the comma-separated `key=value` members of `name`."""
        found: dict[str, str] = {}
        for word in self.words(name):
            key, mark, value = word.partition("=")
            if not (key.strip() and mark and value.strip()):
                raise ImproperlyConfigured(f"{name} must be pairs such as auth0=https://example.com/, not {word!r}.")
            found[key.strip()] = value.strip()
        return found

    def origin(self, name: str, default: str) -> str:
        """Return `name` as scheme, host and port, without a trailing slash."""
        value = self.text(name, default).rstrip("/")
        if not is_origin(value):
            raise ImproperlyConfigured(f"{name} must be an origin such as https://app.example.com, not {value!r}.")
        return value

    def secret(self, name: str, default: str = "") -> str:
        """Return the secret `name`, or the content of the file that `NAME_FILE` points to."""
        path = self._find(f"{name}_FILE")
        if not path:
            return self.text(name, default)
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError:
            raise ImproperlyConfigured(f"{name}_FILE names a file that is not text.") from None

    def secret_files(self) -> dict[str, str]:
        """Return the files that hold secrets, by the setting that names them, for a look at who may read them."""
        return {
            name: self._values[name]
            for name in sorted(self.names)
            if name.endswith("_FILE") and name in self._values and name != "FUSEBIT_PROFILE_FILE"
        }

    def later(self, name: str) -> "LazySecret":
        """Return the secret `name` unread, for keys that only some processes may load."""
        self.names |= {name, f"{name}_FILE"}
        return LazySecret(self, name)


def is_origin(text: str) -> bool:
    """Tell whether `text` is scheme, host and perhaps a port, and nothing else."""
    try:
        parts = urlsplit(text)
        _port = parts.port  # raises for one that is no number
    except ValueError:
        return False
    is_plain = bool(AUTHORITY.fullmatch(parts.netloc)) and text == f"{parts.scheme}://{parts.netloc}"
    return parts.scheme in {"http", "https"} and is_plain


class LazySecret:
    """A secret that is read where it is needed and shows nothing of itself."""

    def __init__(self, environment: Environment, name: str) -> None:
        self._environment = environment
        self._name = name

    def read(self) -> str:
        """Return the secret's text, empty when it is not configured."""
        return self._environment.secret(self._name)

    def __repr__(self) -> str:
        return f"<LazySecret {self._name}>"
