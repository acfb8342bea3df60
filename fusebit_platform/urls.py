"""The routes of the HTTP API, matched against the raw, still encoded path (contract 1.1)."""

from django.urls import URLPattern, re_path

from fusebit_platform.api import (
    accounts,
    agents,
    audit,
    clients,
    durable_logs,
    events,
    extensions,
    functions,
    health,
    initialization,
    issuers,
    logs,
    npm,
    openapi,
    policy,
    registry,
    runs,
    statistics,
    storage,
    users,
)
from fusebit_platform.api.base import Endpoint

ACCOUNT = "account/<accountId>"
SUBSCRIPTION = f"{ACCOUNT}/subscription/<subscriptionId>"
BOUNDARY = f"{SUBSCRIPTION}/boundary/<boundaryId>"
FUNCTION = f"{BOUNDARY}/function/<functionId>"
LEVELS = (ACCOUNT, SUBSCRIPTION, BOUNDARY, FUNCTION)


def route(path: str, endpoint: type[Endpoint]) -> URLPattern:
    """Return the pattern for a path below `/v1`; literal segments match in any case, a trailing slash is tolerated."""
    expression = path.replace("<", "(?P<").replace(">", ">[^/]+)")
    return re_path(f"(?i)^/v1/{expression}/?$", endpoint.as_view())


urlpatterns = [
    re_path("^/$", openapi.Docs.as_view()),
    route("health", health.Health),
    route("health/analytics", health.Analytics),
    route("metrics", health.Metrics),
    route("refresh", health.Refresh),
    route("extensions", extensions.Extensions),
    route(r"openapi\.json", openapi.Document),
    route("account", accounts.Accounts),
    route(ACCOUNT, accounts.Account),
    route(f"{ACCOUNT}/me", agents.Me),
    route(f"{ACCOUNT}/init", initialization.Resolve),
    route(f"{ACCOUNT}/audit", audit.Audit),
    route(f"{ACCOUNT}/issuer", issuers.Issuers),
    route(f"{ACCOUNT}/issuer/<issuerId>", issuers.Issuer),
    route(f"{ACCOUNT}/user", users.Users),
    route(f"{ACCOUNT}/user/<userId>", users.User),
    route(f"{ACCOUNT}/user/<userId>/init", users.UserInit),
    route(f"{ACCOUNT}/client", clients.Clients),
    route(f"{ACCOUNT}/client/<clientId>", clients.Client),
    route(f"{ACCOUNT}/client/<clientId>/init", clients.ClientInit),
    route(f"{ACCOUNT}/registry/<registryId>", registry.Registry),
    route(f"{ACCOUNT}/subscription", accounts.Subscriptions),
    route(SUBSCRIPTION, accounts.Subscription),
    route(f"{SUBSCRIPTION}/function", functions.SubscriptionFunctions),
    route(f"{BOUNDARY}/function", functions.Functions),
    route(f"{BOUNDARY}/run", runs.Runs),
    route(f"{BOUNDARY}/run/<runId>", runs.Run),
    route(f"{BOUNDARY}/event", events.Events),
    route(f"{BOUNDARY}/policy", policy.Policy),
    route(FUNCTION, functions.Function),
    route(f"{BOUNDARY}/log", logs.BoundaryLog),
    route(f"{FUNCTION}/log", logs.FunctionLog),
    route(f"{FUNCTION}/task/<taskId>", functions.Task),
    route(f"{FUNCTION}/location", functions.Location),
    route(f"{FUNCTION}/redirect", functions.Redirect),
    route(f"{FUNCTION}/build", functions.Builds),
    route(f"{FUNCTION}/build/<buildId>", functions.Build),
    *(route(f"{level}/statistics/<key>", statistics.Statistics) for level in LEVELS),
    *(route(f"{level}/logs", durable_logs.LogQueries) for level in LEVELS),
    *(route(f"{level}/logs/<queryId>", durable_logs.LogQuery) for level in LEVELS),
    re_path(
        "(?i)^/v1/account/(?P<accountId>[^/]+)/registry/(?P<registryId>[^/]+)/npm(?:/(?P<rest>.*))?$", npm.Npm.as_view()
    ),
    re_path(
        "(?i)^/v1/account/(?P<accountId>[^/]+)/subscription/(?P<subscriptionId>[^/]+)/storage(?:/(?P<rest>.*))?$",
        storage.Storage.as_view(),
    ),
]
