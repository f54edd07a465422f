"""That a sensitive value changed is written, the value is not: by name, path, class or form.

Run it: `python examples/sensitive_values.py`.
"""

import sys
from dataclasses import dataclass
from typing import Annotated

import audit_lib

audit_lib.configure(
    sensitive={
        "tax_id": audit_lib.Hash(),  # equal values can be matched, and cannot be guessed
        "home.street": audit_lib.Drop(),  # only that it changed
        "pin": None,  # in this application a pin on a map, which is not a secret
    },
    hash_key=b"from your secret store",
)
logger = audit_lib.get_logger("shop")
EXPLANATION = """\
password:    hidden by its name, also where the message repeats it
iban:        annotated with Mask(keep=4) in its class
tax_id:      hashed with your key
home.street: dropped
note:        the password in a URL is recognised by its form
"""


@dataclass
class Customer:
    """A class that declares a sensitive field, as attrs, pydantic and SQLAlchemy models can too."""

    iban: Annotated[str, audit_lib.Mask(keep=4)]
    password: str
    tax_id: str
    pin: str
    home: dict[str, str]


def main() -> None:
    """Change all fields of a customer, and repeat secrets in the message and in `extra`."""
    before = Customer(
        "ES9121000418450200051332", "swordfish", "B-1", "41.4,2.2", {"street": "Gran Via 1"}
    )
    after = Customer(
        "DE89370400440532013000", "hunter2!", "B-2", "40.4,3.7", {"street": "Calle Mayor 2"}
    )
    logger.audit.record_updated(
        "Password is now hunter2!",
        "customer",
        before,
        after,
        record_id=7,
        extra={"note": "synced to postgres://sync:s3cret@db/crm"},
    )


if __name__ == "__main__":
    main()
    sys.stderr.write(EXPLANATION)
