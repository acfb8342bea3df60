"""Encrypts stored keys again under the first key of each ring."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.views.decorators.debug import sensitive_variables

from fusebit_bridge.encryption import FORMAT, SETTING_OF_PURPOSE, ring_for
from fusebit_bridge.errors import NotConfigured
from fusebit_bridge.models import DataKey, SigningKey


class Command(BaseCommand):
    """`manage.py rotate_encryption_keys`."""

    help = (
        "Put a new key in front of KEY_ENCRYPTION_KEYS or CLIENT_KEY_ENCRYPTION_KEYS, restart the processes, run this,"
        " and then take the old key away. Row by row: it may be interrupted and run again."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Rotate every row; exit 1 when one could not be read."""
        done, unreadable = 0, 0
        rows: list[SigningKey | DataKey] = [*SigningKey.objects.order_by("pk"), *DataKey.objects.order_by("pk")]
        for row in rows:
            try:
                done += rotate(row)
            except NotConfigured as error:
                unreadable += 1
                self.stderr.write(f"{row}: {error.message}")
        self.stdout.write(f"{done} keys were encrypted again.")
        for line in still_in_use():
            self.stdout.write(line)
        if unreadable:
            raise CommandError(f"{unreadable} keys could not be read here; keep the old encryption keys.")


def still_in_use() -> Iterator[str]:
    """Yield a line for every encryption key but the first of each ring: how much it protects, and whether it may go."""
    for purpose, setting in SETTING_OF_PURPOSE.items():
        try:
            ids = list(ring_for(purpose).keys)
        except NotConfigured:
            continue
        for place, key_id in enumerate(ids[1:], start=2):
            sealed = {"sealed__startswith": f"{FORMAT}.{key_id}."}
            number = sum(
                row.purpose == purpose for model in (SigningKey, DataKey) for row in model.objects.filter(**sealed)
            )
            may = "it may be taken away" if number == 0 else "it must stay"
            yield f"{setting}, key {place} ({key_id}) protects {number} keys: {may}."


@sensitive_variables()
def rotate(row: SigningKey | DataKey) -> bool:
    """Encrypt the row under the first key, unless it is; tell whether it was written."""
    ring = ring_for(row.purpose)
    plain = ring.open(row.sealed, *row.context)
    if ring.is_current(row.sealed):
        return False
    fresh = ring.seal(plain, *row.context)
    return type(row).objects.filter(pk=row.pk, sealed=row.sealed).update(sealed=fresh) == 1
