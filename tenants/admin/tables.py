"""What the operators' tables have in common: rows that are read, not edited, and the question before an action."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse


class ValuesFilter(admin.AllValuesFieldListFilter):
    """The values that occur, with a word for the empty one, which would be a link without a text."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield what can be chosen."""
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or "none"}


class ReadOnly:
    """Rows that services write and operators read."""

    def has_add_permission(self, *_args: Any) -> bool:
        """Rows come from services only."""
        return False

    def has_change_permission(self, *_args: Any) -> bool:
        """Named actions change things, forms do not."""
        return False

    def has_delete_permission(self, *_args: Any) -> bool:
        """Nothing is forgotten by a click."""
        return False

    def get_readonly_fields(self, *_args: Any) -> list[str]:
        """Show every field as text: no form is made of rows that no form changes."""
        shown: Sequence[str] = self.readonly_fields  # type: ignore[attr-defined]
        return [*(field.name for field in self.opts.fields), *shown]  # type: ignore[attr-defined]


class ReadOnlyInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]  # not generic at run time
    """A table on a tenant's page."""

    template = "admin/rows.html"
    extra = 0


def operator(request: HttpRequest) -> User:
    """Return who acts; the admin has made sure that it is an operator."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def ask(
    model_admin: "admin.ModelAdmin[Any]",
    request: HttpRequest,
    *,
    title: str,
    question: str,
    button: str,
    back: str,
    examples: Iterable[str] = (),
    more: int = 0,
    hidden: Iterable[tuple[str, str]] = (),
    can_confirm: bool = True,
) -> TemplateResponse:
    """Ask before an action, naming what it will touch."""
    context = {
        **model_admin.admin_site.each_context(request), "opts": model_admin.opts, "title": title, "question": question,
        "button": button, "back": back, "examples": list(examples), "more": more, "hidden": list(hidden),
        "can_confirm": can_confirm,
    }  # fmt: skip
    return TemplateResponse(request, "admin/confirm.html", context)
