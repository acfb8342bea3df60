"""What the product remembers."""

from tenants.models.access import Allowance, ApiToken, CallToken, Invitation, KeptAnswer, Scope
from tenants.models.functions import Copy, Deployment, Function, FunctionVersion, Release
from tenants.models.ledger import AuditChain, AuditEvent, ProvisioningEvent
from tenants.models.operations import Comparison, WorkerPulse
from tenants.models.reconciled import Reconciled, State
from tenants.models.runs import Case, Run, RunBody
from tenants.models.secrets import Secret
from tenants.models.tenancy import BoundaryPolicy, FusebitUser, Membership, Role, Tenant

__all__ = [
    "Allowance",
    "ApiToken",
    "AuditChain",
    "AuditEvent",
    "BoundaryPolicy",
    "CallToken",
    "Case",
    "Comparison",
    "Copy",
    "Deployment",
    "Function",
    "FunctionVersion",
    "FusebitUser",
    "Invitation",
    "KeptAnswer",
    "Membership",
    "ProvisioningEvent",
    "Reconciled",
    "Release",
    "Role",
    "Run",
    "RunBody",
    "Scope",
    "Secret",
    "State",
    "Tenant",
    "WorkerPulse",
]
