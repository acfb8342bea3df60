"""What people type about members, tokens, configuration and secrets, checked before a service sees it."""

from datetime import datetime, timedelta

from django import forms
from django.utils import timezone

from tenants.models import Role, Scope
from tenants.services import configuration, settings_names

PLAIN_TEXT = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
DAYS = [("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "a year")]


class InvitationForm(forms.Form):
    """For whom, and as what."""

    label = forms.CharField(
        required=False,
        max_length=120,
        label="For whom",
        widget=forms.TextInput(attrs={"placeholder": "Grace, from support", **PLAIN_TEXT}),
    )
    role = forms.ChoiceField(choices=Role.choices, initial=Role.DEVELOPER, widget=forms.RadioSelect)


class RoleForm(forms.Form):
    """Another role for a member."""

    role = forms.ChoiceField(choices=Role.choices)


class NameForm(forms.Form):
    """Another name for the workspace."""

    name = forms.CharField(max_length=120, error_messages={"required": "Give the workspace a name."})


class LifeForm(forms.Form):
    """What something is called, and how long it is good."""

    name = forms.CharField(max_length=80, error_messages={"required": "Say what it is for."})
    days = forms.TypedChoiceField(choices=DAYS, coerce=int, initial="90", label="Expires in")

    def expires_at(self) -> datetime:
        """Return when it expires."""
        return timezone.now() + timedelta(days=self.cleaned_data["days"])


class ApiTokenForm(LifeForm):
    """A personal API token."""

    scope = forms.ChoiceField(choices=Scope.choices, initial=Scope.WRITE, label="May")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they come
        self.fields["name"].label = "What it is for"
        self.fields["name"].widget.attrs |= {"placeholder": "CI pipeline", **PLAIN_TEXT}


class CallTokenForm(LifeForm):
    """A token that calls one function."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they come
        self.fields["name"].label = "Who calls with it"
        self.fields["name"].widget.attrs |= {"placeholder": "The shop's checkout", **PLAIN_TEXT}


class SettingForm(forms.Form):
    """One configuration value or one secret."""

    KINDS = [("secret", "Secret"), ("plain", "Plain value")]

    kind = forms.ChoiceField(choices=KINDS, initial="secret", widget=forms.RadioSelect)
    name = forms.RegexField(
        regex=settings_names.NAME,
        max_length=64,
        error_messages={
            "required": "Give it a name.",
            "invalid": "Use letters, digits and underscores, for example STRIPE_KEY.",
        },
        widget=forms.TextInput(attrs={"placeholder": "STRIPE_KEY", **PLAIN_TEXT}),
    )
    value = forms.CharField(
        required=False,
        max_length=configuration.LONGEST_VALUE,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 2, **PLAIN_TEXT}),
    )

    def clean_value(self) -> str:
        """Return the value with line ends as they were typed, not as forms send them."""
        return str(self.cleaned_data["value"]).replace("\r\n", "\n")


class SettingNameForm(forms.Form):
    """Which value or secret to remove."""

    kind = forms.ChoiceField(choices=SettingForm.KINDS)
    name = forms.CharField(max_length=128)
