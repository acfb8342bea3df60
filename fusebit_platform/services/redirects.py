"""Sends the runs of a function to somewhere else for a while (contract 5.7)."""

from typing import Any

from fusebit_platform.errors import NotFound
from fusebit_platform.models import Function
from fusebit_platform.services import functions, transactions
from fusebit_platform.services.functions import Address


def get(*, address: Address) -> dict[str, Any]:
    """Return `{redirectUrl}`, or `{}` when runs stay here."""
    url = functions.require(address).redirect_url
    return {"redirectUrl": url} if url else {}


def put(*, address: Address, url: str) -> bool:
    """Send runs to `url`; tell whether there is such a function."""
    return _set(address, url)


def remove(*, address: Address) -> None:
    """Let runs come back, if there is such a function."""
    _set(address, "")


def _set(address: Address, url: str) -> bool:
    with transactions.change():
        try:
            function: Function = functions.require(address)
        except NotFound:
            return False
        function.redirect_url = url
        function.save(update_fields=["redirect_url", "updated_at"])
        return True
