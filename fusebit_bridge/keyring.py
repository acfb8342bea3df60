"""Private keys in and out of the database; a key is parsed once in a process and again when its row changes."""

import resource
import threading
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from fusebit_bridge.credentials import PrivateKey
from fusebit_bridge.encryption import CannotDecrypt, ring_for
from fusebit_bridge.errors import NotConfigured
from fusebit_bridge.models import SigningKey

USE_NOTED_EVERY = timedelta(seconds=20)

_lock = threading.Lock()
_parsed: dict[UUID, tuple[str, PrivateKey]] = {}


@sensitive_variables()
def load(row: SigningKey) -> PrivateKey:
    """Return the key of `row`, ready to sign.

    Raise NotConfigured in a process that has no ring for its purpose, CannotDecrypt when the row was tampered with.
    """
    with _lock:
        sealed, key = _parsed.get(row.pk, ("", None))
    if key is None or sealed != row.sealed:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a process that holds keys leaves no image of itself behind
        pem = ring_for(row.purpose).open(row.sealed, *row.context)
        key = PrivateKey(pem, key_id=row.key_id, algorithm=row.algorithm)
        if key.fingerprint != row.fingerprint:
            raise CannotDecrypt("A stored key is not the one that its row names.")
        with _lock:
            _parsed[row.pk] = (row.sealed, key)
    _note_use(row)
    return key


@sensitive_variables()
def store(key: PrivateKey, *, purpose: str, issuer_id: str) -> SigningKey:
    """Keep the key encrypted and return its row; a key that is kept already and opens is left as it is."""
    row = SigningKey.objects.filter(purpose=purpose, issuer_id=issuer_id, key_id=key.key_id).first()
    if row is None:
        row = SigningKey(purpose=purpose, issuer_id=issuer_id, key_id=key.key_id)
    elif row.fingerprint == key.fingerprint and opens(row):
        return row
    else:
        row.version += 1
    row.algorithm = key.algorithm
    row.public_key = key.public_pem
    row.fingerprint = key.fingerprint
    row.sealed = ring_for(purpose).seal(key.export(), *row.context)
    row.save()
    return row


def opens(row: SigningKey) -> bool:
    """Tell whether this process can decrypt the row."""
    try:
        load(row)
    except NotConfigured:
        return False
    return True


def promise(row: SigningKey, until: datetime) -> None:
    """Write down that a token was handed out which the key has to answer for until then."""
    SigningKey.objects.filter(Q(promised_until=None) | Q(promised_until__lt=until), pk=row.pk).update(
        promised_until=until
    )


def forget() -> None:
    """Drop every parsed key of this process."""
    with _lock:
        _parsed.clear()


def _note_use(row: SigningKey) -> None:
    """Write down that the key was used, seldom enough to cost nothing."""
    now = timezone.now()
    if row.last_used_at is None or row.last_used_at < now - USE_NOTED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
        SigningKey.objects.filter(stale, pk=row.pk).update(last_used_at=now)
