"""The URLs of the REST API, below `/api/v1/`."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from tenants.api import docs, functions, people, runs

app_name = "api"

# Django REST framework takes its views out of LoginRequiredMiddleware, which would answer with a page; here
# IsAuthenticated refuses, in JSON. Schema and docs are public: they say nothing of anybody.
FUNCTION = "tenants/<slug:slug>/functions/<str:name>/"
urlpatterns = [
    path("tenants/", people.TenantList.as_view(), name="tenants"),
    path("tenants/<slug:slug>/members/", people.MemberList.as_view(), name="members"),
    path("tenants/<slug:slug>/tokens/", people.TokenList.as_view(), name="tokens"),
    path("tenants/<slug:slug>/audit/", people.AuditList.as_view(), name="audit"),
    path("tenants/<slug:slug>/functions/", functions.FunctionList.as_view(), name="functions"),
    path(FUNCTION, functions.FunctionItem.as_view(), name="function"),
    path(f"{FUNCTION}versions/", functions.VersionList.as_view(), name="versions"),
    path(f"{FUNCTION}deploy/", functions.Deploy.as_view(), name="deploy"),
    path(f"{FUNCTION}rollback/", functions.Rollback.as_view(), name="rollback"),
    path(f"{FUNCTION}invoke/", runs.Invoke.as_view(), name="invoke"),
    path(f"{FUNCTION}runs/", runs.RunList.as_view(), name="runs"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", docs.docs, name="docs"),
]
