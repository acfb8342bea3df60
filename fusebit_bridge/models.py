"""What the bridge remembers: where Fusebit is, who we are there, and our keys, encrypted."""

import uuid
from typing import Any, NoReturn

from django.db import models
from django.db.models import Q


class SealedField(models.TextField):  # type: ignore[type-arg]
    """Ciphertext; a fixture or an export of it is refused."""

    def value_to_string(self, _obj: models.Model) -> NoReturn:
        """Refuse to be serialised."""
        raise TypeError("Encrypted keys are not exported.")


class Purpose(models.TextChoices):
    """What a key signs for, and so which ring of encryption keys protects it."""

    CLIENT = "client", "provisioning, as the client"
    TENANT = "tenant", "a tenant's own work, as the tenant's user"


class SigningKey(models.Model):
    """A private key under encryption, and what may be known about it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    purpose = models.CharField(max_length=10, choices=Purpose)
    issuer_id = models.CharField(max_length=512)
    key_id = models.CharField(max_length=128)
    algorithm = models.CharField(max_length=5)
    public_key = models.TextField()
    fingerprint = models.CharField(max_length=64)
    sealed = SealedField(editable=False)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    promised_until = models.DateTimeField(
        null=True, blank=True, help_text="Until when tokens live that it signed and that were handed out."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["purpose", "issuer_id", "key_id"], name="one_key_per_id"),
        ]

    def __str__(self) -> str:
        return f"{self.key_id} of {self.issuer_id}"

    @property
    def context(self) -> tuple[str, ...]:
        """Return what the ciphertext is bound to: table, column, row, purpose and version."""
        return (self._meta.db_table, "sealed", str(self.pk), str(self.purpose), str(self.version))


class DataKey(models.Model):
    """The key under which everything of one owner, a tenant for one, is encrypted; itself under encryption."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.CharField(max_length=80, unique=True)
    sealed = SealedField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.owner

    @property
    def purpose(self) -> str:
        """Return whose ring protects the key."""
        return str(Purpose.TENANT)

    @property
    def context(self) -> tuple[str, ...]:
        """Return what the ciphertext is bound to: table, column, row and purpose."""
        return (self._meta.db_table, "sealed", str(self.pk), "data key")


class Client(models.Model):
    """The imported client profile: which Fusebit, which account, and whose key provisions. There is one.

    Without a key, issuer and subject its tokens come from an authorization server.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(max_length=200)
    base_url = models.CharField(max_length=500)
    account_id = models.CharField(max_length=40)
    subscription_id = models.CharField(max_length=40)
    issuer_id = models.CharField(max_length=512, blank=True)
    subject = models.CharField(max_length=512, blank=True)
    audience = models.CharField(max_length=500)
    key = models.ForeignKey(SigningKey, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    imported_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="one_client"),
            models.CheckConstraint(
                condition=Q(key=None, issuer_id="") | Q(key__isnull=False) & ~Q(issuer_id=""),
                name="a_key_has_an_issuer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} at {self.base_url}"


class TenantIssuer(models.Model):
    """An issuer under which tenants' identities live.

    Ours is made at import and `chosen` once Fusebit knows it. Where the client may not register it, the client's
    own issuer is chosen instead, with a copy of the client's key: the same code, one key.
    """

    issuer_id = models.CharField(max_length=512, unique=True)
    is_ours = models.BooleanField(default=True)
    key = models.ForeignKey(SigningKey, on_delete=models.PROTECT, related_name="+")
    registered_at = models.DateTimeField(null=True, blank=True)
    chosen = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chosen"], condition=Q(chosen=True), name="one_chosen_issuer"),
            models.UniqueConstraint(fields=["is_ours"], condition=Q(is_ours=True), name="one_issuer_of_ours"),
        ]

    def __str__(self) -> str:
        return self.issuer_id

    def serving_keys(self) -> "list[SigningKey]":
        """Return the key that signs now, and the other one while they are being exchanged."""
        exchanged = Rotation.objects.filter(ended_at=None).exclude(step=Step.MADE)
        ids = {self.key_id, *(pk for pair in exchanged.values_list("old_key", "new_key") for pk in pair)}
        others = SigningKey.objects.filter(pk__in=ids, issuer_id=self.issuer_id, purpose=self.key.purpose)
        return [self.key, *others.exclude(pk=self.key_id)]

    def as_registration(self) -> dict[str, Any]:
        """Return the body that registers the issuer at Fusebit (contract 4.4)."""
        return {
            "displayName": "Tenant onboarding",
            "publicKeys": [{"keyId": key.key_id, "publicKey": key.public_key} for key in self.serving_keys()],
        }


class Step(models.TextChoices):
    """How far the exchange of a key has come."""

    MADE = "made", "New key made"
    REGISTERED = "registered", "New key registered at Fusebit"
    PROVEN = "proven", "New key accepted by Fusebit"
    SWITCHED = "switched", "New key signs"
    RETIRED = "retired", "Old key gone"


class Rotation(models.Model):
    """The exchange of one signing key for another."""

    purpose = models.CharField(max_length=10, choices=Purpose)
    step = models.CharField(max_length=12, choices=Step, default=Step.MADE)
    old_key = models.ForeignKey(SigningKey, null=True, on_delete=models.CASCADE, related_name="+")
    new_key = models.ForeignKey(SigningKey, on_delete=models.CASCADE, related_name="+")
    old_kid = models.CharField(max_length=128)
    begun_at = models.DateTimeField(auto_now_add=True)
    switched_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-begun_at"]
        constraints = [
            models.UniqueConstraint(fields=["purpose"], condition=Q(ended_at=None), name="one_rotation_at_a_time"),
            models.CheckConstraint(
                condition=~Q(step="switched") | Q(switched_at__isnull=False), name="a_switch_has_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose}: {self.old_kid}, {self.get_step_display()}"
