"""SQLAlchemy models that are audited automatically: after the commit, and never for a rollback.

Run it: `python examples/orm_sqlalchemy.py`.
"""

from typing import Annotated

from sqlalchemy import create_engine, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

import audit_lib
from audit_lib.capture.sqlalchemy import audit_models

logger = audit_lib.get_logger("shop")


class Base(DeclarativeBase):
    """The base class of the models."""


class Customer(Base):
    """A customer; of the card, only the last digits are written."""

    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    phone: Mapped[str]
    card: Mapped[Annotated[str, audit_lib.Mask(keep=4)]]


def main() -> None:
    """Add an object, change it, change many rows, and roll back a change."""
    audit_models(Customer, logger=logger.audit)
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session, audit_lib.context(user={"id": "7", "name": "Ana Souza"}):
        session.add(Customer(id=1, phone="+34600987654", card="4111111111119010"))
        session.commit()  # customer-created

        session.get_one(Customer, 1).phone = "+34600000000"
        session.commit()  # customer-updated, with the phone before and after

        session.execute(update(Customer).values(card="5500000000000004"))
        session.commit()  # customer-updated, for each row that the statement changes

        session.get_one(Customer, 1).phone = "+34611111111"
        session.rollback()  # nothing


if __name__ == "__main__":
    main()
