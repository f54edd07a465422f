"""That a value changed is written, a sensitive one is not: by its name, its path, its class, its looks.

Run it: `python examples/sensitive_values.py`.
"""

import sys
from dataclasses import dataclass
from typing import Annotated

import audit_lib

audit_lib.configure(
    sensitive={
        "tax_id": audit_lib.Hash(),  # equal values can be matched, and nobody can guess one
        "home.street": audit_lib.Drop(),  # nothing but the fact
        "pin": None,  # the pin of a map, which is no secret
    },
    hash_key=b"from your secret store",
)
logger = audit_lib.get_logger("shop")
WHY = """\
password:    hidden by its name, also where the message repeats it
iban:        its class says Mask(keep=4)
tax_id:      hashed with your key
home.street: dropped
note:        the password in a URL gives itself away
"""


@dataclass
class Customer:
    """A class says itself what of it is sensitive; so do attrs, pydantic and SQLAlchemy models."""

    iban: Annotated[str, audit_lib.Mask(keep=4)]
    password: str
    tax_id: str
    pin: str
    home: dict[str, str]


def main() -> None:
    """Change everything of a customer, and repeat a secret where it has no place."""
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
    sys.stderr.write(WHY)
