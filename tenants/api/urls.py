"""The URLs of the REST API, below `/api/v1/`."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from tenants.api import cases, docs, functions, logs, people, runs, settings, tokens

app_name = "api"

# Django REST framework takes its views out of LoginRequiredMiddleware, which would answer with a page; here
# IsAuthenticated refuses, in JSON. Schema and docs are public: they say nothing of anybody.
TENANT = "tenants/<slug:slug>/"
FUNCTION = f"{TENANT}functions/<str:name>/"
urlpatterns = [
    path("tenants/", people.TenantList.as_view(), name="tenants"),
    path(TENANT, people.TenantItem.as_view(), name="tenant"),
    path(f"{TENANT}members/", people.MemberList.as_view(), name="members"),
    path(f"{TENANT}members/<int:pk>/", people.MemberItem.as_view(), name="member"),
    path(f"{TENANT}invitations/", people.InvitationList.as_view(), name="invitations"),
    path(f"{TENANT}invitations/<uuid:pk>/", people.InvitationItem.as_view(), name="invitation"),
    path(f"{TENANT}tokens/", tokens.TokenList.as_view(), name="tokens"),
    path(f"{TENANT}tokens/<uuid:pk>/", tokens.TokenItem.as_view(), name="token"),
    path(f"{TENANT}audit/", people.AuditList.as_view(), name="audit"),
    path(f"{TENANT}functions/", functions.FunctionList.as_view(), name="functions"),
    path(f"{TENANT}import/", functions.Import.as_view(), name="import"),
    path(FUNCTION, functions.FunctionItem.as_view(), name="function"),
    path(f"{FUNCTION}versions/", functions.VersionList.as_view(), name="versions"),
    path(f"{FUNCTION}versions/<int:number>/", functions.VersionItem.as_view(), name="version"),
    path(f"{FUNCTION}deploy/", functions.Deploy.as_view(), name="deploy"),
    path(f"{FUNCTION}rollback/", functions.Rollback.as_view(), name="rollback"),
    path(f"{FUNCTION}invoke/", runs.Invoke.as_view(), name="invoke"),
    path(f"{FUNCTION}runs/", runs.RunList.as_view(), name="runs"),
    path(f"{FUNCTION}runs/<uuid:pk>/", runs.RunItem.as_view(), name="run"),
    path(f"{FUNCTION}runs/<uuid:pk>/replay/", runs.Replay.as_view(), name="replay"),
    path(f"{FUNCTION}cases/", cases.CaseList.as_view(), name="cases"),
    path(f"{FUNCTION}cases/<int:pk>/", cases.CaseItem.as_view(), name="case"),
    path(f"{FUNCTION}cases/<int:pk>/run/", cases.CaseRun.as_view(), name="case-run"),
    path(f"{FUNCTION}logs/", logs.stream, name="logs"),
    path(f"{FUNCTION}secrets/", settings.Secrets.as_view(), name="secrets"),
    path(f"{FUNCTION}configuration/", settings.Configuration.as_view(), name="configuration"),
    path(f"{FUNCTION}tokens/", tokens.CallTokenList.as_view(), name="call-tokens"),
    path(f"{FUNCTION}tokens/<uuid:pk>/", tokens.CallTokenItem.as_view(), name="call-token"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", docs.docs, name="docs"),
]
