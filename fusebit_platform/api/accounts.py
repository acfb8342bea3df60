"""Accounts and subscriptions (contract 4.2, 4.3)."""

from django.http import HttpResponse

from fusebit_platform.api.base import Endpoint
from fusebit_platform.api.transport import answer
from fusebit_platform.services import accounts
from fusebit_platform.validation import Shape, Text


class NewAccount(Shape):
    """The body of POST `/account`."""

    display_name: Text = ""
    primary_email: Text = ""


class AccountChange(Shape):
    """The body of PATCH on an account."""

    display_name: Text = ""


class NewSubscription(Shape):
    """The body of POST on the subscriptions."""

    display_name: Text = ""


class Accounts(Endpoint):
    """`/account`"""

    actions = {"POST": "global:add:account"}
    shapes = {"POST": NewAccount}

    def post(self) -> HttpResponse:
        """Create an account."""
        body: NewAccount = self.body
        return answer(accounts.add(display_name=body.display_name, primary_email=body.primary_email))


class Account(Endpoint):
    """`A`"""

    actions = {"GET": "account:get", "PATCH": "account:update"}
    shapes = {"PATCH": AccountChange}
    parsed_first = frozenset({"PATCH"})

    def get(self) -> HttpResponse:
        """Return the account."""
        return answer(accounts.get(account_id=self.ids["accountId"]))

    def patch(self) -> HttpResponse:
        """Rename the account."""
        name = self.body.display_name
        return answer(accounts.update(account_id=self.ids["accountId"], display_name=name))


class Subscriptions(Endpoint):
    """`A/subscription`"""

    actions = {"GET": "subscription:get", "POST": "global:add:subscription"}
    shapes = {"POST": NewSubscription}
    takes_query = frozenset({"GET"})

    def get(self) -> HttpResponse:
        """List the subscriptions."""
        page = {"count": self.query.count, "next_token": self.query.said("next")}
        return answer(accounts.list_subscriptions(account_id=self.ids["accountId"], **page))

    def post(self) -> HttpResponse:
        """Create a subscription."""
        name = self.body.display_name
        return answer(accounts.add_subscription(account_id=self.ids["accountId"], display_name=name))


class Subscription(Endpoint):
    """`S`"""

    actions = {"GET": "subscription:get"}
    takes_query = frozenset({"GET"})
    query_first = True

    def get(self) -> HttpResponse:
        """Return the subscription."""
        cached = self.query.include == "cache"
        ids = {"account_id": self.ids["accountId"], "subscription_id": self.ids["subscriptionId"]}
        return answer(accounts.get_subscription(**ids, cached=cached))
