"""Defines the requests that the demo sends to the example application, and their expected results."""

from dataclasses import dataclass
from typing import Any, Final

__all__ = ["SCENARIO", "DemoStep"]

_ANA, _MAX = "7", "9"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoStep:
    """A request to the example application, its expected status, and its expected number of audit records.

    `rule` is the rule that notifies its channels by the end of the step; `wait` is the number of seconds by
    which the clock moves before the request.
    """

    title: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    staff: str = ""
    status: int = 200
    records: int = 1
    rule: str = ""
    wait: int = 0


def _phone(title: str, number: str, **more: Any) -> DemoStep:
    body = {"mfa_phone": number}
    return DemoStep(title=title, method="PATCH", path="/users/1042", body=body, staff=_ANA, **more)


def _login(password: str, *, rule: str = "") -> DemoStep:
    good = password == "correct horse battery staple"  # noqa: S105 - the example's own
    return DemoStep(
        title="Max signs in" if good else "A wrong password for Max",
        method="POST",
        path="/login",
        body={"email": "max.weber@shop.example", "password": password},
        status=200 if good else 401,
        rule=rule,
    )


SCENARIO: Final = (
    DemoStep(title="A health check", method="GET", path="/health", records=0),
    DemoStep(title="Ana looks at a customer", method="GET", path="/users/1042", staff=_ANA, records=0),
    DemoStep(
        title="Ana corrects a nickname", method="PATCH", path="/users/1042",
        body={"nickname": "Wei"}, staff=_ANA,
        records=2,  # the first record of a process opens its chain
    ),
    _phone("Ana changes a customer's MFA phone", "+34600000000", rule="mfa-phone-changed"),
    # The alarm is in ALARM already and does not change; people are told all the same.
    _phone("… again, 20 seconds later", "+34600000001", wait=20, rule="mfa-phone-changed"),
    _phone("… again, a minute later", "+34600000002", wait=60, rule="mfa-phone-changed"),
    DemoStep(
        title="Max makes Ana an administrator", method="POST", path="/users/7/roles",
        body={"role": "admin"}, staff=_MAX, rule="admin-role-granted",
    ),
    DemoStep(
        title="Max changes a merchant's payout account", method="PUT", path="/payout-accounts/PA-9",
        body={"iban": "DE89370400440532013000"}, staff=_MAX, rule="payout-account-changed",
    ),
    DemoStep(
        title="Ana refunds 20.00", method="POST", path="/orders/SO-3319/refund",
        body={"amount": "20.00", "reason": "Arrived late"}, staff=_ANA,
    ),
    DemoStep(
        title="Ana refunds 1,200.00", method="POST", path="/orders/SO-3318/refund",
        body={"amount": "1200.00", "reason": "<!channel> *urgent* refund"}, staff=_ANA,
        rule="large-refund",
    ),
    DemoStep(
        title="Ana refunds more than was paid", method="POST", path="/orders/SO-3319/refund",
        body={"amount": "9999"}, staff=_ANA, status=409, records=0,
    ),
    _login("hunter2"),
    _login("password1"),
    _login("letmein", rule="repeated-failed-logins"),
    _login("correct horse battery staple"),
)  # fmt: skip
