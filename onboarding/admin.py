"""What operators see of signing in: who came through which provider. The protocol's own book-keeping is not theirs."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from social_django.models import Association, Nonce, UserSocialAuth

from tenants.services import audit

for model in (Association, Group, Nonce, User, UserSocialAuth):
    admin.site.unregister(model)


class Audited:
    """Writes what an operator changes by a form into the audit trail, in the transaction of the change."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Write down who was added."""
        self.record(request, obj, "added")
        return super().log_addition(request, obj, message)  # type: ignore[misc]  # of the admin it is mixed into

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Write down which fields were changed, if any were."""
        parts = [part.get("changed", {}) for part in message if isinstance(part, dict)]
        if names := [str(name) for part in parts for name in part.get("fields", ())]:
            self.record(request, obj, "changed", fields=sorted(names))
        return super().log_change(request, obj, message)  # type: ignore[misc]  # the same

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Any]) -> Any:
        """Write down who is deleted, while it is known whose they are."""
        for obj in queryset:
            self.record(request, obj, "deleted")
        return super().log_deletions(request, queryset)  # type: ignore[misc]  # the same

    @transaction.atomic
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Have actions on many rows happen with their record, or not at all."""
        answer: HttpResponse = super().changelist_view(request, extra_context)  # type: ignore[misc]  # the same
        return answer

    def record(self, request: HttpRequest, obj: Any, verb: str, **detail: object) -> None:
        """Write the row."""
        if not isinstance(request.user, User):
            raise PermissionDenied
        if isinstance(obj, User):
            detail |= {"is_active": obj.is_active} if verb == "changed" else {}
            audit.record_of_person(action=f"person.{verb}", person=obj, actor=request.user, **detail)
        else:
            action = f"{obj._meta.model_name}.{verb}"  # noqa: SLF001 (Django's documented way to ask)
            audit.record(action=action, tenant=None, actor=request.user, target=str(obj), **detail)


@admin.register(User)
class PersonAdmin(Audited, UserAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Django's own page, but a name once given stays: for people who came through a provider it is their identity.

    The dates are facts, not fields to fill in.
    """

    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()  # the widget's hints can not be read by screen readers

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:  # noqa: A002 (Django's)
        """Have a new password set with its record, or not at all."""
        return super().user_change_password(request, id, form_url)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Add the name on the page of an existing person."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "username")


@admin.register(Group)
class RoleAdmin(Audited, GroupAdmin):
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
