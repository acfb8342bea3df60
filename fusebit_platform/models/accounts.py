"""Accounts, who may act in them, and what was decided."""

from django.db import models

from fusebit_platform.models.limits import ID_LENGTH, NAME_BYTES, RESOURCE_BYTES


class Account(models.Model):
    """Whom issuers, agents and subscriptions belong to."""

    id = models.CharField(primary_key=True, max_length=ID_LENGTH)
    display_name = models.TextField(blank=True, default="")
    primary_email = models.TextField(blank=True, default="")
    scopes = models.TextField(default="[]")  # of the account's npm registry, as JSON

    def __str__(self) -> str:
        return self.id


class Subscription(models.Model):
    """What functions live under; `limits` and `flags` are JSON objects."""

    id = models.CharField(primary_key=True, max_length=ID_LENGTH)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="subscriptions")
    display_name = models.TextField(blank=True, default="")
    limits = models.TextField(default="{}")
    flags = models.TextField(default="{}")

    def __str__(self) -> str:
        return self.id


class Issuer(models.Model):
    """Who may sign tokens for an account: by inline public keys (JSON) or by a JWKS address."""

    number = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="issuers")
    issuer_id = models.CharField(max_length=NAME_BYTES)
    display_name = models.TextField(blank=True, default="")
    json_keys_url = models.TextField(blank=True, default="")
    public_keys = models.TextField(default="[]")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "issuer_id"], name="issuer_once_per_account")]

    def __str__(self) -> str:
        return self.issuer_id


class Agent(models.Model):
    """A user or a client; the number orders the lists, the id is the name on the wire."""

    class Kind(models.TextChoices):
        """The two kinds of agents, named as in actions and paths."""

        USER = "user"
        CLIENT = "client"

    number = models.BigAutoField(primary_key=True)
    id = models.CharField(max_length=ID_LENGTH, unique=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="agents")
    kind = models.CharField(max_length=6, choices=Kind)
    first_name = models.TextField(blank=True, default="")
    last_name = models.TextField(blank=True, default="")
    primary_email = models.TextField(blank=True, default="")
    display_name = models.TextField(blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["account", "kind", "-number"], name="agents_of_account")]

    def __str__(self) -> str:
        return self.id


class Identity(models.Model):
    """By which issuer and subject a token belongs to an agent; unique over all agents of an account."""

    number = models.BigAutoField(primary_key=True)
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="identities")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="identities")
    issuer_id = models.CharField(max_length=NAME_BYTES)
    subject = models.CharField(max_length=NAME_BYTES)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "issuer_id", "subject"], name="identity_once_per_account")
        ]

    def __str__(self) -> str:
        return f"{self.issuer_id} {self.subject}"


class AccessEntry(models.Model):
    """One statement of what an agent may do; action and resource stay in columns of their own."""

    number = models.BigAutoField(primary_key=True)
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="access")
    action = models.CharField(max_length=NAME_BYTES)
    resource = models.CharField(max_length=RESOURCE_BYTES)

    def __str__(self) -> str:
        return f"{self.action} {self.resource}"


class InitEntry(models.Model):
    """The one outstanding initialisation of an agent and the secret its token is signed with."""

    agent = models.OneToOneField(Agent, on_delete=models.CASCADE, primary_key=True, related_name="init_entry")
    secret = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"init of {self.agent_id}"


class AuditEntry(models.Model):
    """One decision; named by strings, because it outlives what it names."""

    number = models.BigAutoField(primary_key=True)
    account_id = models.CharField(max_length=ID_LENGTH)
    issuer_id = models.TextField()
    subject = models.TextField()
    action = models.TextField()
    resource = models.TextField()
    authorized = models.BooleanField()
    timestamp = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["account_id", "timestamp", "number"], name="audit_of_account")]

    def __str__(self) -> str:
        return f"{self.action} {self.resource}"


class SystemKey(models.Model):
    """The public half of a key of the server itself, for the tokens that functions get.

    The private half never leaves the memory of the process that made it.
    """

    kid = models.CharField(primary_key=True, max_length=16)
    public_key = models.TextField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.kid
