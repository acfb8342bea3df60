"""What people type into the pages, checked before a service sees it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from django import forms
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict

from tenants.services import catalogue, functions, imports, invocations, starters

METHODS_SEEN = (*invocations.METHODS, "CRON", "TASK")
TEMPLATES = ["hello", "blank", *starters.templates()]


class NewFunctionForm(forms.Form):
    """A name and what to begin with."""

    name = forms.RegexField(
        regex=rf"^{functions.NAME.pattern}$",
        max_length=64,
        strip=True,
        error_messages={
            "required": "Give the function a name.",
            "invalid": "Use letters, digits and hyphens, for example “order-created”.",
        },
        widget=forms.TextInput(
            attrs={
                "placeholder": "order-created",
                "autocomplete": "off",
                "spellcheck": "false",
                "autocapitalize": "none",
            }
        ),
    )
    template = forms.ChoiceField(
        choices=[(name, name) for name in TEMPLATES], initial="hello", widget=forms.RadioSelect, label="Begin with"
    )


class FilesWidget(forms.Widget):
    """Reads the repeated `path` and `content` fields of the editor; a file whose path was cleared is gone."""

    def value_from_datadict(self, data: Mapping[str, Any], _files: Any, _name: str) -> list[tuple[str, str]]:
        """Return the files as pairs; line ends as they were typed, not as forms send them (\\r\\n)."""
        if not isinstance(data, MultiValueDict):
            return []
        pairs = zip(data.getlist("path"), data.getlist("content"), strict=False)
        return [(path.strip(), text.replace("\r\n", "\n")) for path, text in pairs if path.strip()]

    def value_omitted_from_data(self, _data: Mapping[str, Any], _files: Any, _name: str) -> bool:
        """Files are never left out: without any, there are none."""
        return False


class FilesField(forms.Field):
    """`{path: text}`."""

    widget = FilesWidget

    def to_python(self, value: list[tuple[str, str]] | None) -> dict[str, str]:
        """Return the files by path; two of one name would lose one."""
        pairs = value or []
        files = dict(pairs)
        if len(files) != len(pairs):
            raise ValidationError("Two files have the same name.")
        return files


class ImportForm(forms.Form):
    """A function from elsewhere: what Fusebit answered, or files; the name may come with the former."""

    name = forms.RegexField(
        regex=rf"^{functions.NAME.pattern}$",
        max_length=64,
        required=False,
        error_messages={"invalid": "Use letters, digits and hyphens, for example “order-created”."},
    )
    specification = forms.CharField(required=False, max_length=imports.LONGEST, strip=False)
    sources = FilesField(required=False)

    def clean(self) -> dict[str, Any]:
        """Have either of the two."""
        given = self.cleaned_data.get("specification", "").strip() or self.cleaned_data.get("sources") or self.files
        if not self.errors and not given:
            self.add_error("specification", "Paste a specification, or choose files.")
        return self.cleaned_data


class SaveForm(forms.Form):
    """The editor: all files and the version that the edit began from.

    `over` is the version that somebody who was shown a conflict chose to save over; `keep_live` leaves alone what
    answers.
    """

    base_version = forms.IntegerField(min_value=0, max_value=2_000_000_000)
    sources = FilesField(required=False)
    message = forms.CharField(required=False, max_length=300)
    over = forms.IntegerField(required=False, min_value=1, max_value=2_000_000_000)
    keep_live = forms.BooleanField(required=False)

    @property
    def base(self) -> int:
        """Return the version to save over."""
        return int(self.cleaned_data["over"] or self.cleaned_data["base_version"])

    def change(self) -> functions.Change:
        """Return what to save."""
        return functions.Change(files=self.cleaned_data["sources"], message=self.cleaned_data["message"])


IDENTITIES = [
    (invocations.ME, "me"),
    (invocations.ANONYMOUS, "anonymous, without a token"),
    (invocations.CHOSEN, "a token that may only…"),
]


class CallForm(forms.Form):
    """The test panel: one call of the live version."""

    method = forms.ChoiceField(choices=[(method, method) for method in invocations.METHODS], initial="GET")
    path = forms.CharField(required=False, max_length=2000, strip=False)
    query = forms.CharField(required=False, max_length=4000, strip=False)
    headers = forms.CharField(required=False, max_length=16_000, widget=forms.Textarea(attrs={"rows": 2}))
    body = forms.CharField(required=False, strip=False, widget=forms.Textarea(attrs={"rows": 4}))
    identity = forms.ChoiceField(required=False, choices=IDENTITIES, initial=invocations.ME)
    actions = forms.MultipleChoiceField(
        required=False,
        choices=[(action, f"function:{action}") for action in invocations.ACTIONS],
        initial=["execute"],
    )

    def clean_query(self) -> tuple[tuple[str, str], ...]:
        """Return `a=1&b=2` as pairs; a leading question mark is forgiven."""
        try:
            return tuple(parse_qsl(self.cleaned_data["query"].lstrip("?"), keep_blank_values=True, max_num_fields=200))
        except ValueError:
            raise ValidationError("Write the query as name=value&name=value.") from None

    def clean_headers(self) -> tuple[tuple[str, str], ...]:
        """Return `Name: value` lines as pairs."""
        pairs = []
        for line in self.cleaned_data["headers"].splitlines():
            name, colon, value = line.partition(":")
            if not line.strip():
                continue
            if not colon or not name.strip():
                raise ValidationError("Write one header a line, as Name: value.")
            pairs.append((name.strip(), value.strip()))
        return tuple(pairs)

    def clean(self) -> dict[str, Any]:
        """Refuse a body that claims to be JSON, as it does unless a header says otherwise, and is not."""
        cleaned = self.cleaned_data
        body = cleaned.get("body", "")
        named = any(name.lower() == "content-type" for name, _ in cleaned.get("headers", ()))
        if body.strip() and not named:
            try:
                json.loads(body)
            except (ValueError, RecursionError) as error:
                self.add_error("body", f"This is not JSON: {error}. Send a Content-Type header for anything else.")
        return cleaned

    def call(self) -> invocations.Call:
        """Return the call."""
        chosen = self.cleaned_data
        return invocations.Call(
            method=chosen["method"],
            path=chosen["path"],
            query=chosen["query"],
            headers=chosen["headers"],
            body=chosen["body"].encode("utf-8", "replace"),
            identity=chosen["identity"] or invocations.ME,
            actions=tuple(chosen["actions"]),
        )

    def as_case(self) -> dict[str, Any]:
        """Return the fields as they were typed."""
        typed = {name: self.data.get(name, "") for name in ("method", "path", "query", "headers", "body", "identity")}
        return {**typed, "actions": list(self.cleaned_data["actions"])}


class CaseForm(forms.Form):
    """A name for a request that is kept."""

    case = forms.CharField(
        max_length=80, error_messages={"required": "Give the request a name.", "max_length": "At most 80 characters."}
    )


class DeployForm(forms.Form):
    """Which version should be live."""

    version = forms.IntegerField(min_value=1, max_value=2_000_000_000)


def _with_any(name: str, choices: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [("", f"Any {name}"), *choices]


class RunFilterForm(forms.Form):
    """What a list of runs is narrowed by; the URL holds it, so that it can be shared."""

    STATUSES = [("failed", "Failed and refused"), *((f"{first}xx", f"{first}xx") for first in "2345")]

    function = forms.CharField(required=False, max_length=64)
    status = forms.ChoiceField(required=False, choices=_with_any("outcome", STATUSES))
    cause = forms.ChoiceField(
        required=False, choices=_with_any("cause", ((code, one.title) for code, one in catalogue.CAUSES.items()))
    )
    method = forms.ChoiceField(required=False, choices=_with_any("method", ((name, name) for name in METHODS_SEEN)))
    version = forms.IntegerField(required=False, min_value=1, max_value=2_000_000_000)
    since = forms.DateTimeField(
        required=False, label="From", widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"})
    )
    until = forms.DateTimeField(
        required=False, label="To", widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"})
    )
    q = forms.CharField(required=False, max_length=200, label="Path, message, trace or reference")
    before = forms.CharField(required=False, max_length=80)

    def clean(self) -> dict[str, Any]:
        """Leave out what was not said."""
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}


class ReplayForm(forms.Form):
    """Which version to send calls to again."""

    version = forms.IntegerField(min_value=1, max_value=2_000_000_000)


class CompareForm(forms.Form):
    """Two versions, or one and what really answers (`new=live`)."""

    old = forms.IntegerField(min_value=1, max_value=2_000_000_000)
    new = forms.CharField(max_length=10)

    def clean_new(self) -> int | None:
        """Return the number of the newer version; None stands for what answers."""
        text = self.cleaned_data["new"]
        if text == "live":
            return None
        if not text.isdecimal() or not int(text):
            raise ValidationError("There is no such version.")
        return int(text)

    def clean(self) -> dict[str, Any]:
        """Say in `live` whether what answers was asked for."""
        return {**self.cleaned_data, "live": "new" in self.cleaned_data and self.cleaned_data["new"] is None}


class DeleteForm(forms.Form):
    """The name once more, so that nobody deletes by accident."""

    name = forms.CharField(
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"})
    )

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected

    def clean_name(self) -> str:
        """Return the name when it is the right one."""
        if self.cleaned_data["name"] != self.expected:
            raise ValidationError(f"Type {self.expected} to delete it.")
        return self.expected
