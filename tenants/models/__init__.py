"""What the product remembers."""

from tenants.models.access import ApiToken
from tenants.models.functions import Deployment, Function, FunctionVersion
from tenants.models.ledger import AuditEvent, ProvisioningEvent
from tenants.models.reconciled import Reconciled, State
from tenants.models.runs import Case, Run, RunBody
from tenants.models.tenancy import FusebitUser, Membership, Role, Tenant

__all__ = [
    "ApiToken",
    "AuditEvent",
    "Case",
    "Deployment",
    "Function",
    "FunctionVersion",
    "FusebitUser",
    "Membership",
    "ProvisioningEvent",
    "Reconciled",
    "Role",
    "Run",
    "RunBody",
    "State",
    "Tenant",
]
