"""What a function must know and nobody may read."""

import uuid

from django.conf import settings
from django.db import models

from tenants.models.functions import Function


class Secret(models.Model):
    """One value of one name, written once; versions refer to it, and changing it makes another row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    function = models.ForeignKey(Function, on_delete=models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=64)
    sealed = models.TextField(editable=False, help_text="Encrypted under the tenant's key.")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Newest first."""

        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        """Show the name, which is no secret."""
        return self.name

    @property
    def context(self) -> tuple[str, ...]:
        """Return what the ciphertext is bound to: table, column, row, function, name and purpose."""
        return (self._meta.db_table, "sealed", str(self.pk), str(self.function_id), self.name, "secret")
