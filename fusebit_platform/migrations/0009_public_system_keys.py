from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from django.db import migrations


def keep_the_public_half(apps, schema_editor):
    for row in apps.get_model("fusebit_platform", "SystemKey").objects.using(schema_editor.connection.alias):
        public = load_pem_private_key(row.public_key.encode("ascii"), None).public_key()
        row.public_key = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
        row.save(update_fields=["public_key"])


class Migration(migrations.Migration):

    dependencies = [
        ("fusebit_platform", "0008_packages_of_functions"),
    ]

    operations = [
        migrations.RenameField(model_name="systemkey", old_name="private_key", new_name="public_key"),
        migrations.RunPython(keep_the_public_half, migrations.RunPython.noop),
    ]
