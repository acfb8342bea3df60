"""The audit trail (contract 4.8)."""

from django.http import HttpResponse

from fusebit_platform.api.base import Endpoint
from fusebit_platform.api.transport import answer
from fusebit_platform.services import audit


class Audit(Endpoint):
    """`A/audit`"""

    actions = {"GET": "audit:get"}
    takes_query = frozenset({"GET"})

    def get(self) -> HttpResponse:
        """List what was decided."""
        said = self.query.said
        filters = audit.Filters(
            since=said("since"),
            until=said("to"),
            action=said("action"),
            resource=said("resource"),
            issuer_id=said("issuer_id"),
            subject=said("subject"),
        )
        page = {"count": self.query.count, "next_token": said("next")}
        return answer(audit.list_entries(account_id=self.ids["accountId"], filters=filters, **page))
