"""What operators see of signing in: who came through which provider. The protocol's own book-keeping is not theirs."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from social_django.models import Association, Nonce, UserSocialAuth

for model in (Association, Group, Nonce, User, UserSocialAuth):
    admin.site.unregister(model)


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Django's own page, but a name once given stays: for people who came through a provider it is their identity.

    The dates are facts, not fields to fill in.
    """

    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()  # the widget's hints can not be read by screen readers

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Add the name on the page of an existing person."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "username")


@admin.register(Group)
class RoleAdmin(GroupAdmin):
    """Django's own page, with a plain list to choose from."""

    filter_horizontal = ()


@admin.register(UserSocialAuth)
class IdentityAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Read only: an identity that is moved to another person is a taken-over account."""

    list_display = ("user", "provider", "uid", "created")
    list_filter = ("provider",)
    search_fields = ("user__username", "user__email", "uid")
    list_select_related = ("user",)
    fields = ("user", "provider", "uid", "created", "modified")

    def has_add_permission(self, *_args: Any) -> bool:
        """Only a provider says who somebody is."""
        return False

    def has_change_permission(self, *_args: Any) -> bool:
        """The same."""
        return False

    def has_delete_permission(self, *_args: Any) -> bool:
        """Nothing is forgotten by a click."""
        return False
