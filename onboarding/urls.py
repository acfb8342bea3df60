"""The URLs of the site."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from onboarding import views

admin.site.site_header = admin.site.site_title = "Operators"
admin.site.index_title = "Overview"

urlpatterns = [
    path("login/", views.sign_in, name="login"),
    path("logout/", login_not_required(LogoutView.as_view()), name="logout"),
    path("auth/", include("social_django.urls", namespace="social")),
    path("admin/", admin.site.urls),
    path("healthz", views.alive, name="alive"),
    path("readyz", views.ready, name="ready"),
    path("metrics", views.measured, name="metrics"),
    path("favicon.ico", login_not_required(RedirectView.as_view(url="/static/onboarding/favicon.svg"))),
    path("api/v1/", include("tenants.api.urls")),
    path("", include("fusebit_bridge.urls")),
    path("", include("tenants.urls")),
]
handler400 = views.bad_request
handler403 = views.permission_denied
handler404 = views.not_found
handler500 = views.server_error
