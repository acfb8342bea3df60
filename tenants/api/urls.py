"""The URLs of the REST API, below `/api/v1/`."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from tenants.api import functions, people, runs

app_name = "api"

# LoginRequiredMiddleware would answer with a page; here IsAuthenticated refuses, in JSON.
FUNCTION = "tenants/<slug:slug>/functions/<str:name>/"
urlpatterns = [
    path("tenants/", login_not_required(people.TenantList.as_view()), name="tenants"),
    path("tenants/<slug:slug>/members/", login_not_required(people.MemberList.as_view()), name="members"),
    path("tenants/<slug:slug>/tokens/", login_not_required(people.TokenList.as_view()), name="tokens"),
    path("tenants/<slug:slug>/audit/", login_not_required(people.AuditList.as_view()), name="audit"),
    path("tenants/<slug:slug>/functions/", login_not_required(functions.FunctionList.as_view()), name="functions"),
    path(FUNCTION, login_not_required(functions.FunctionItem.as_view()), name="function"),
    path(f"{FUNCTION}versions/", login_not_required(functions.VersionList.as_view()), name="versions"),
    path(f"{FUNCTION}deploy/", login_not_required(functions.Deploy.as_view()), name="deploy"),
    path(f"{FUNCTION}rollback/", login_not_required(functions.Rollback.as_view()), name="rollback"),
    path(f"{FUNCTION}invoke/", login_not_required(runs.Invoke.as_view()), name="invoke"),
    path(f"{FUNCTION}runs/", login_not_required(runs.RunList.as_view()), name="runs"),
    path("schema/", login_not_required(SpectacularAPIView.as_view()), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
]
