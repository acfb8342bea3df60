"""The URLs of the bridge."""

from django.urls import path

from fusebit_bridge import views

urlpatterns = [path(".well-known/jwks.json", views.jwks, name="jwks")]
