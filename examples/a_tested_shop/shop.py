"""A part of a shop that changes two sensitive columns, one of them without an audit record."""

from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    select,
    update,
)

import audit_lib

logger = audit_lib.get_logger(__name__)
users = Table(
    "users",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("phone", String),
    Column("email", String),
)
engine = create_engine("sqlite://")
users.metadata.create_all(engine)
with engine.begin() as transaction:
    transaction.execute(insert(users).values(id=7, phone="+34600987654", email="li@example.com"))


def change_phone(user: int, phone: str) -> None:
    """Change a phone number, and write an audit record."""
    with engine.begin() as transaction:
        before = transaction.execute(select(users.c.phone).where(users.c.id == user)).scalar_one()
        transaction.execute(update(users).where(users.c.id == user).values(phone=phone))
        logger.audit.record_updated(
            "Phone changed", "user", {"phone": before}, {"phone": phone}, record_id=user
        )


def change_email(user: int, email: str) -> None:
    """Change an e-mail address, without an audit record."""
    with engine.begin() as transaction:
        transaction.execute(update(users).where(users.c.id == user).values(email=email))
