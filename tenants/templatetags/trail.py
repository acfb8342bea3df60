"""Shows the particulars of an audit row."""

from typing import Any

from django import template

register = template.Library()


@register.filter
def in_words(value: Any) -> str:
    """Return a value of the detail as people write it: lists with commas."""
    if isinstance(value, list):
        return ", ".join(in_words(member) for member in value) or "nothing"
    if isinstance(value, dict):
        return ", ".join(f"{name} {in_words(member)}" for name, member in value.items()) or "nothing"
    return "nothing" if value in (None, "") else str(value)
