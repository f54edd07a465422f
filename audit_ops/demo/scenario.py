"""What the shop is asked to do, and what has to follow from it."""

from dataclasses import dataclass
from typing import Any, Final

__all__ = ["STORY", "Act"]

_ANA, _MAX = "7", "9"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One request: what is done, how it is answered, and how many audit records it makes.

    `tells` is the rule whose people hear of it by then; `wait` are the seconds that pass before it,
    `then` those that pass after it.
    """

    title: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    staff: str = ""
    status: int = 200
    records: int = 1
    tells: str = ""
    wait: int = 0
    then: int = 0


def _phone(title: str, number: str, **more: Any) -> Act:
    body = {"mfa_phone": number}
    return Act(title=title, method="PATCH", path="/users/1042", body=body, staff=_ANA, **more)


def _login(password: str, *, tells: str = "") -> Act:
    good = password == "correct horse battery staple"  # noqa: S105 - the example's own
    return Act(
        title="Max signs in" if good else "Somebody guesses Max's password",
        method="POST",
        path="/login",
        body={"email": "max.weber@shop.example", "password": password},
        status=200 if good else 401,
        tells=tells,
    )


STORY: Final = (
    Act(title="A health check", method="GET", path="/health", records=0),
    Act(title="Ana looks at a customer", method="GET", path="/users/1042", staff=_ANA, records=0),
    Act(
        title="Ana corrects a nickname", method="PATCH", path="/users/1042",
        body={"nickname": "Wei"}, staff=_ANA,
        records=2,  # the first one of a process opens its chain
    ),
    _phone("Ana changes a customer's MFA phone", "+34600000000", tells="mfa-phone-changed"),
    # An alarm that rings already does not ring again: the sweep, every two minutes, tells these two.
    _phone("… again, 20 seconds later", "+34600000001", wait=20),
    _phone("… again, then two minutes pass", "+34600000002", wait=60, then=120, tells="mfa-phone-changed"),
    Act(
        title="Max makes Ana an administrator", method="POST", path="/users/7/roles",
        body={"role": "admin"}, staff=_MAX, tells="admin-role-granted",
    ),
    Act(
        title="Max changes where a merchant's money goes", method="PUT", path="/payout-accounts/PA-9",
        body={"iban": "DE89370400440532013000"}, staff=_MAX, tells="payout-account-changed",
    ),
    Act(
        title="Ana refunds 20.00", method="POST", path="/orders/SO-3319/refund",
        body={"amount": "20.00", "reason": "Arrived late"}, staff=_ANA,
    ),
    Act(
        title="Ana refunds 1,200.00", method="POST", path="/orders/SO-3318/refund",
        body={"amount": "1200.00", "reason": "<!channel> *urgent* refund"}, staff=_ANA,
        tells="large-refund",
    ),
    Act(
        title="Ana refunds more than was paid", method="POST", path="/orders/SO-3319/refund",
        body={"amount": "9999"}, staff=_ANA, status=409, records=0,
    ),
    _login("hunter2"),
    _login("password1"),
    _login("letmein", tells="repeated-failed-logins"),
    _login("correct horse battery staple"),
)  # fmt: skip
