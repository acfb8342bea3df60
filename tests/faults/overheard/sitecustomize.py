"""Writes every private key and every token of a process down, wherever the tests started it, for the sweep.

Python imports this by itself where PYTHONPATH names this directory; the file is named by OVERHEARD, and lies outside of
what is swept. Nothing is imported that the process does not import itself.
"""

import functools
import json
import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import PathFinder

FILE = os.environ.get("OVERHEARD")


def write_down(kind, text):
    """Add a needle to the file, in one write."""
    line = json.dumps([kind, text]) + "\n"
    try:
        descriptor = os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    except OSError:
        return  # a process that sees no files mints nothing for anybody
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def _key(key):
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    write_down("key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def _token(token):
    write_down("token", token if isinstance(token, str) else token.decode())


def _listen(owner, name, report):
    """Have `report` see whatever the function returns."""
    function = getattr(owner, name)

    @functools.wraps(function)
    def heard(*args, **kwargs):
        made = function(*args, **kwargs)
        report(made)
        return made

    setattr(owner, name, heard)


def _held(owner):
    """Write down the text of every token that comes into being, whoever minted it."""
    begin = owner.__init__

    @functools.wraps(begin)
    def heard(self, *args, **kwargs):
        begin(self, *args, **kwargs)
        write_down("token", self.text)

    owner.__init__ = heard


SEAMS = {
    "fusebit_bridge.tokens": lambda module: _held(module.Token),
    "tenants.services.tokens": lambda module: _listen(module, "create", lambda made: _token(made[1])),
    "tests.embedded": lambda module: _listen(module.KeyPair, "sign", _token),
    "jwt.api_jws": lambda module: _listen(module.PyJWS, "encode", _token),
    "cryptography.hazmat.primitives.asymmetric.rsa": lambda module: _listen(module, "generate_private_key", _key),
    "cryptography.hazmat.primitives.asymmetric.ec": lambda module: _listen(module, "generate_private_key", _key),
}


class Listening(Loader):
    """Loads a module as ever, and listens to it from then on."""

    def __init__(self, loader, seam):
        self.loader, self.seam = loader, seam

    def create_module(self, spec):
        """Leave it to the loader."""
        return self.loader.create_module(spec)

    def exec_module(self, module):
        """Run the module, then listen."""
        self.loader.exec_module(module)
        self.seam(module)


class Finder(MetaPathFinder):
    """Finds the modules that make keys and tokens."""

    def find_spec(self, name, path, target=None):
        """Return where the module is, to be listened to."""
        if name not in SEAMS:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = Listening(spec.loader, SEAMS[name])
        return spec


if FILE:
    sys.meta_path.insert(0, Finder())
