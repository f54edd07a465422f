"""Django models that are audited automatically: after the commit, and never for a rollback.

Run it: `python examples/orm_django.py`. A project has the settings and the models in their own files, and
calls `audit_models` in its `AppConfig.ready`.
"""

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django.db import connection, models, transaction  # noqa: E402 - only after `setup`

import audit_lib  # noqa: E402 - the same
from audit_lib.capture.django import audit_models  # noqa: E402 - the same

logger = audit_lib.get_logger("shop")


class Customer(models.Model):  # type: ignore[misc] # Django ships no types
    """A customer."""

    phone = models.CharField(max_length=20)

    class Meta:
        """Assigns the model to an application, because the example has no Django project."""

        app_label = "shop"

    def __str__(self) -> str:
        """Return the name for display."""
        return f"customer {self.pk}"


def main() -> None:
    """Add an object, change it, change many rows, and roll back a change."""
    audit_models(Customer, logger=logger.audit)
    with connection.schema_editor() as schema:
        schema.create_model(Customer)
    with audit_lib.context(user={"id": "7", "name": "Ana Souza"}):
        customer = Customer.objects.create(phone="+34600987654")  # customer-created

        customer.phone = "+34600000000"
        customer.save()  # customer-updated, with the phone before and after

        Customer.objects.update(phone="+34622222222")  # customer-updated, for each row

        with transaction.atomic():
            customer.delete()
            transaction.set_rollback(True)  # nothing


if __name__ == "__main__":
    main()
