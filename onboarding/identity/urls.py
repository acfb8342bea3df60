"""The provider's URLs: discovery is at the root, as OpenID Connect Discovery 4 has it.

Only what a sign-in needs: no registration of clients, no management of tokens, no other grants.
"""

from django.contrib.auth.views import LoginView
from django.urls import include, path
from oauth2_provider import views

from onboarding.identity import pages

openid = [
    path(
        ".well-known/openid-configuration", views.ConnectDiscoveryInfoView.as_view(), name="oidc-connect-discovery-info"
    ),
    path(".well-known/jwks.json", views.JwksInfoView.as_view(), name="jwks-info"),
    path("authorize/", views.AuthorizationView.as_view(template_name=pages.ERROR), name="authorize"),
    path("token/", views.TokenView.as_view(), name="token"),
    path("userinfo/", views.UserInfoView.as_view(), name="user-info"),
    path("logout/", views.RPInitiatedLogoutView.as_view(), name="rp-initiated-logout"),
]
urlpatterns = [
    path("", pages.about, name="about"),
    path("login/", LoginView.as_view(template_name="onboarding/identity_sign_in.html"), name="login"),
    path("", include((openid, "oauth2_provider"), namespace="oauth2_provider")),
]
handler400 = pages.bad_request
handler403 = pages.forbidden
handler404 = pages.not_found
handler500 = pages.broken
