"""The pages of the product."""

from django.urls import path

from tenants.views import editor, functions, home, runs, versions

app_name = "tenants"

TENANT = "t/<slug:slug>/"
FUNCTION = f"{TENANT}functions/<str:name>/"
urlpatterns = [
    path("", home.home, name="home"),
    path(f"{TENANT}setup/", home.setup, name="setup"),
    path(f"{TENANT}setup/retry/", home.retry, name="retry"),
    path(f"{TENANT}functions/", functions.overview, name="functions"),
    path(FUNCTION, editor.editor, name="function"),
    path(f"{FUNCTION}state/", editor.state, name="state"),
    path(f"{FUNCTION}run/", runs.run, name="run"),
    path(f"{FUNCTION}deploy/", versions.deploy, name="deploy"),
    path(f"{FUNCTION}live/", versions.answering, name="answering"),
    path(f"{FUNCTION}live/adopt/", versions.adopt, name="adopt"),
    path(f"{FUNCTION}compare/", versions.compare, name="compare"),
    path(f"{FUNCTION}versions/", versions.versions, name="versions"),
    path(f"{FUNCTION}versions/<int:number>/", versions.version, name="version"),
    path(f"{FUNCTION}delete/", functions.delete, name="delete"),
]
