"""The rows of the embedded Fusebit: accounts, who may act in them, their functions and what became of calls."""

from fusebit_platform.models.accounts import (
    AccessEntry,
    Account,
    Agent,
    AuditEntry,
    Identity,
    InitEntry,
    Issuer,
    Subscription,
    SystemKey,
)
from fusebit_platform.models.functions import Function, FunctionBuild, PackageSet, TaskRun
from fusebit_platform.models.journal import BoundaryPolicy, JournalCounter, LogLine, Run
from fusebit_platform.models.limits import ID_LENGTH, NAME_BYTES, RESOURCE_BYTES
from fusebit_platform.models.storage import StorageItem

__all__ = [
    "ID_LENGTH",
    "NAME_BYTES",
    "RESOURCE_BYTES",
    "AccessEntry",
    "Account",
    "Agent",
    "AuditEntry",
    "BoundaryPolicy",
    "Function",
    "FunctionBuild",
    "Identity",
    "InitEntry",
    "Issuer",
    "JournalCounter",
    "LogLine",
    "PackageSet",
    "Run",
    "StorageItem",
    "Subscription",
    "SystemKey",
    "TaskRun",
]
