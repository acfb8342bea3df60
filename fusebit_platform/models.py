"""The rows of the embedded Fusebit: accounts, who may act in them, their functions and what was decided."""

from django.db import models

ID_LENGTH = 24
NAME_BYTES = 1000  # an issuer, a subject: both fit into one index entry of PostgreSQL
RESOURCE_BYTES = 2000


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


class Function(models.Model):
    """A function: its specification as text, so that the order of keys survives, and what is derived from it."""

    number = models.BigAutoField(primary_key=True)
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="functions")
    boundary_id = models.CharField(max_length=63)
    function_id = models.CharField(max_length=64)
    specification = models.TextField()
    rendered = models.TextField()  # security and routes with their resources rendered, as JSON
    runtime = models.CharField(max_length=16, default="node14")
    schedule = models.TextField(default="{}")
    tags = models.TextField(default="{}")
    version = models.PositiveIntegerField(default=1)
    revision = models.CharField(max_length=32)  # changes on every stored PUT
    redirect_url = models.TextField(blank=True, default="")
    due_ms = models.BigIntegerField(null=True, blank=True, db_index=True)  # when it runs next by its schedule
    packages = models.CharField(max_length=64, blank=True, default="", db_index=True)  # key of its PackageSet, if any
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "boundary_id", "function_id"], name="function_once_per_boundary"
            )
        ]

    def __str__(self) -> str:
        return f"{self.boundary_id}/{self.function_id}"


class PackageSet(models.Model):
    """The packages of a lockfile, built once for the whole deployment; `failure` is JSON (contract 5.3)."""

    key = models.CharField(primary_key=True, max_length=64)  # sha256 of lockfile and Node.js version
    lockfile = models.TextField()
    used_ms = models.BigIntegerField(default=0)  # when a version last asked for it, since the epoch
    failures = models.PositiveIntegerField(default=0)
    retry_ms = models.BigIntegerField(default=0)  # no other attempt before, since the epoch
    failure = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return self.key


class FunctionBuild(models.Model):
    """A version of a function that waits for its packages (contract 5.5)."""

    class State(models.TextChoices):
        """How far it got, in the words of the wire."""

        BUILDING = "building"
        SUCCESS = "success"
        FAILED = "failed"

    id = models.CharField(primary_key=True, max_length=ID_LENGTH)
    account_id = models.CharField(max_length=ID_LENGTH)
    subscription_id = models.CharField(max_length=ID_LENGTH)
    boundary_id = models.CharField(max_length=63)
    function_id = models.CharField(max_length=64)
    package_set = models.ForeignKey(PackageSet, on_delete=models.CASCADE, related_name="builds")
    state = models.CharField(max_length=8, choices=State, default=State.BUILDING)
    transitions = models.TextField()  # JSON: when each state was reached
    draft = models.TextField()  # JSON: what is written when the packages are there
    failure = models.TextField(blank=True, default="")
    created_ms = models.BigIntegerField(db_index=True)

    def __str__(self) -> str:
        return self.id


class TaskRun(models.Model):
    """A run that was asked for and happens later; moments are milliseconds since the epoch (contract 6.7)."""

    class State(models.TextChoices):
        """How far it got, in the words of the wire."""

        PENDING = "pending"
        RUNNING = "running"
        COMPLETED = "completed"
        ERROR = "error"

    number = models.BigAutoField(primary_key=True)
    id = models.CharField(max_length=ID_LENGTH, unique=True)
    function = models.ForeignKey(Function, on_delete=models.CASCADE, related_name="task_runs")
    route = models.TextField()
    state = models.CharField(max_length=9, choices=State, default=State.PENDING)
    request = models.TextField()  # what ctx will say of it, as JSON
    scheduled_ms = models.BigIntegerField()
    due_ms = models.BigIntegerField()
    is_delayed = models.BooleanField(default=False)
    started_ms = models.BigIntegerField(null=True, blank=True)
    ended_ms = models.BigIntegerField(null=True, blank=True, db_index=True)
    lease_ms = models.BigIntegerField(null=True, blank=True)  # until when its process vouches for it
    result = models.TextField(blank=True, default="")  # {"output": …} or {"error": …}

    class Meta:
        indexes = [
            models.Index(fields=["state", "due_ms"], name="task_runs_that_are_due"),
            models.Index(fields=["function", "state"], name="task_runs_of_function"),
        ]

    def __str__(self) -> str:
        return self.id


class SystemKey(models.Model):
    """A key pair of the server itself, for the tokens that functions get."""

    kid = models.CharField(primary_key=True, max_length=16)
    private_key = models.TextField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.kid


class StorageItem(models.Model):
    """A JSON value under a hierarchical name; the subscription is not looked up (contract 7.3)."""

    number = models.BigAutoField(primary_key=True)
    account_id = models.CharField(max_length=ID_LENGTH)
    subscription_id = models.CharField(max_length=ID_LENGTH)
    storage_id = models.CharField(max_length=RESOURCE_BYTES)
    content = models.TextField()
    etag = models.CharField(max_length=36)
    tags = models.TextField(default="{}")
    expires = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account_id", "subscription_id", "storage_id"], name="storage_item_once")
        ]

    def __str__(self) -> str:
        return self.storage_id


class BoundaryPolicy(models.Model):
    """What an operator has decided about a boundary; JSON in text columns, empty where nothing was decided."""

    number = models.BigAutoField(primary_key=True)
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="policies")
    boundary_id = models.CharField(max_length=63)
    suspended = models.BooleanField(default=False)
    limits = models.TextField(default="{}")
    egress = models.TextField(default="{}")
    refused_keys = models.TextField(default="[]")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subscription", "boundary_id"], name="policy_once_per_boundary")]

    def __str__(self) -> str:
        return f"policy of {self.boundary_id}"


class JournalCounter(models.Model):
    """The last number given to a run or a log line; raised in the transaction that writes them.

    So numbers become visible in their order, whoever writes, and a reader that goes on after one misses nothing.
    """

    name = models.CharField(primary_key=True, max_length=16)
    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.value}"


class Run(models.Model):
    """One call of a function, refused ones included; named by strings, because it outlives the function."""

    number = models.BigIntegerField(primary_key=True)
    subscription_id = models.CharField(max_length=ID_LENGTH)
    boundary_id = models.CharField(max_length=63)
    function_id = models.CharField(max_length=64)
    version = models.PositiveIntegerField(null=True)
    method = models.CharField(max_length=16)
    path = models.TextField()
    status = models.PositiveSmallIntegerField()
    source = models.CharField(max_length=8, blank=True)
    cause = models.CharField(max_length=16, blank=True)
    started_ms = models.BigIntegerField()  # since the epoch
    duration_ms = models.FloatField()
    cpu_ms = models.FloatField(null=True)
    request_bytes = models.BigIntegerField()
    response_bytes = models.BigIntegerField()
    trace_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=4, default="http")
    details = models.TextField(default="{}")  # caller, permissions, missing, message as JSON

    class Meta:
        indexes = [
            models.Index(fields=["subscription_id", "boundary_id", "number"], name="runs_of_boundary"),
        ]

    def __str__(self) -> str:
        return f"run {self.number}"


class LogLine(models.Model):
    """One line that a function printed, or what became of a call in words."""

    number = models.BigIntegerField(primary_key=True)
    subscription_id = models.CharField(max_length=ID_LENGTH)
    boundary_id = models.CharField(max_length=63)
    function_id = models.CharField(max_length=64)
    version = models.PositiveIntegerField(null=True)
    trace_id = models.CharField(max_length=64)
    level = models.PositiveSmallIntegerField()
    message = models.TextField()
    printed_ms = models.BigIntegerField()  # since the epoch

    class Meta:
        indexes = [
            models.Index(fields=["subscription_id", "boundary_id", "number"], name="lines_of_boundary"),
            models.Index(fields=["trace_id"], name="lines_of_run"),
        ]

    def __str__(self) -> str:
        return f"line {self.number}"
