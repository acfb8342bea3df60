"""The provider's URLs: discovery is at the root, as OpenID Connect Discovery 4 has it."""

from django.contrib.auth.views import LoginView
from django.urls import include, path

urlpatterns = [
    path("login/", LoginView.as_view(template_name="onboarding/identity_sign_in.html"), name="login"),
    path("", include("oauth2_provider.urls", namespace="oauth2_provider")),
]
