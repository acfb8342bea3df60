"""The pages of the product."""

from django.urls import path

from tenants.views import (
    call_tokens,
    editor,
    functions,
    home,
    logs,
    panel,
    people,
    runs,
    secrets,
    settings,
    tokens,
    trail,
    versions,
)

app_name = "tenants"

TENANT = "t/<slug:slug>/"
FUNCTION = f"{TENANT}functions/<str:name>/"
urlpatterns = [
    path("", home.home, name="home"),
    path(f"{TENANT}setup/", home.setup, name="setup"),
    path(f"{TENANT}setup/retry/", home.retry, name="retry"),
    path(f"{TENANT}functions/", functions.overview, name="functions"),
    path(f"{TENANT}members/", people.overview, name="members"),
    path(f"{TENANT}members/<int:pk>/role/", people.role, name="member-role"),
    path(f"{TENANT}members/<int:pk>/remove/", people.remove, name="member-remove"),
    path(f"{TENANT}members/<int:pk>/owner/", people.transfer, name="member-transfer"),
    path(f"{TENANT}invitations/<uuid:pk>/withdraw/", people.withdraw, name="invitation-withdraw"),
    path(f"{TENANT}name/", people.rename, name="rename"),
    path("join/<str:secret>/", people.join, name="join"),
    path(f"{TENANT}tokens/", tokens.overview, name="tokens"),
    path(f"{TENANT}tokens/<uuid:pk>/revoke/", tokens.revoke, name="token-revoke"),
    path(f"{TENANT}audit/", trail.overview, name="audit"),
    path(f"{TENANT}import/", functions.bring, name="import"),
    path(f"{TENANT}runs/", runs.of_tenant, name="runs"),
    path(f"{TENANT}runs/<uuid:run_id>/", runs.one, name="one-run"),
    path(f"{TENANT}runs/<uuid:run_id>/lines/", runs.lines, name="run-lines"),
    path(f"{TENANT}runs/<uuid:run_id>/replay/", runs.replay, name="replay"),
    path(FUNCTION, editor.editor, name="function"),
    path(f"{FUNCTION}state/", editor.state, name="state"),
    path(f"{FUNCTION}run/", panel.run, name="run"),
    path(f"{FUNCTION}runs/", runs.of_function, name="function-runs"),
    path(f"{FUNCTION}runs/replay/", runs.replay_failed, name="replay-failed"),
    path(f"{FUNCTION}logs/", logs.logs, name="logs"),
    path(f"{FUNCTION}events/", logs.events, name="events"),
    path(f"{FUNCTION}deploy/", versions.deploy, name="deploy"),
    path(f"{FUNCTION}live/", versions.answering, name="answering"),
    path(f"{FUNCTION}live/adopt/", versions.adopt, name="adopt"),
    path(f"{FUNCTION}compare/", versions.compare, name="compare"),
    path(f"{FUNCTION}versions/", versions.versions, name="versions"),
    path(f"{FUNCTION}versions/<int:number>/", versions.version, name="version"),
    path(f"{FUNCTION}secrets/", secrets.overview, name="secrets"),
    path(f"{FUNCTION}secrets/remove/", secrets.remove, name="secret-remove"),
    path(f"{FUNCTION}tokens/", call_tokens.overview, name="call-tokens"),
    path(f"{FUNCTION}tokens/rows/", call_tokens.rows, name="call-token-rows"),
    path(f"{FUNCTION}tokens/<uuid:pk>/revoke/", call_tokens.revoke, name="call-token-revoke"),
    path(f"{FUNCTION}settings/", settings.overview, name="settings"),
    path(f"{FUNCTION}settings/about/", settings.about, name="about"),
    path(f"{FUNCTION}settings/schedule/", settings.preview, name="schedule"),
    path(f"{FUNCTION}delete/", functions.delete, name="delete"),
]
