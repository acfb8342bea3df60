"""The JSON values that functions keep."""

from django.db import models

from fusebit_platform.models.limits import ID_LENGTH, RESOURCE_BYTES


class StorageItem(models.Model):
    """A JSON value under a hierarchical name; the subscription is not looked up (contract 7.3)."""

    number = models.BigAutoField(primary_key=True)
    account_id = models.CharField(max_length=ID_LENGTH)
    subscription_id = models.CharField(max_length=ID_LENGTH)
    storage_id = models.CharField(max_length=RESOURCE_BYTES)
    content = models.TextField()
    etag = models.CharField(max_length=36)
    tags = models.TextField(default="{}")
    expires = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account_id", "subscription_id", "storage_id"], name="storage_item_once")
        ]

    def __str__(self) -> str:
        return self.storage_id
