"""The shop's data, in memory."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass
class User:
    """A user with an account; `roles` determine the permissions in the back office."""

    id: str
    name: str
    email: str
    mfa_phone: str | None = None
    nickname: str = ""
    roles: list[str] = field(default_factory=list)


@dataclass
class PayoutAccount:
    """The bank account of a merchant."""

    id: str
    merchant: str
    iban: str


@dataclass
class Order:
    """An order; `refunded` only increases, up to `total`."""

    id: str
    total: Decimal
    refunded: Decimal = Decimal(0)


@dataclass
class Store:
    """The tables of one process."""

    users: dict[str, User]
    payout_accounts: dict[str, PayoutAccount]
    orders: dict[str, Order]


def sample_store() -> Store:
    """Return sample data: three users, one payout account, two orders."""
    users = [
        User("7", "Ana Souza", "ana.souza@shop.example", "+34600111222", roles=["support"]),
        User("9", "Max Weber", "max.weber@shop.example", "+4915100000", roles=["admin"]),
        User("1042", "Li Wei", "li.wei@customer.example", "+34600987654", nickname="li"),
    ]
    accounts = [PayoutAccount("PA-9", "Fish & Chips <Harbour>", "ES9121000418450200051332")]
    orders = [Order("SO-3318", Decimal("1480.00")), Order("SO-3319", Decimal("35.50"))]
    return Store(
        users={user.id: user for user in users},
        payout_accounts={account.id: account for account in accounts},
        orders={order.id: order for order in orders},
    )
