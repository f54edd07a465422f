"""The back office of a small shop: `audit_lib` in a FastAPI application.

Run it from the repository's root: `.venv/bin/uvicorn examples.fastapi_app.main:app`.
Each request names its staff member in the header `X-Staff-Id`; a real application would read the user
from a verified token, in the same function (`acting_user`).
"""

import dataclasses
import logging
import sys
from decimal import Decimal
from typing import Annotated, TypeVar

import ecs_logging
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, Field

import audit_lib
from audit_lib.adapters.asgi import AuditMiddleware
from examples.fastapi_app.store import User, sample_store

# The ordinary lines, including those of uvicorn, are ECS JSON too, formatted by ecs_logging.
ordinary = logging.StreamHandler(sys.stdout)
ordinary.setFormatter(ecs_logging.StdlibFormatter())
logging.basicConfig(level=logging.INFO, handlers=[ordinary])
for name in ("uvicorn", "uvicorn.access", "uvicorn.error"):
    logging.getLogger(name).handlers.clear()
    logging.getLogger(name).propagate = True

audit_lib.configure(service={"name": "shop"})
logger = audit_lib.get_logger("shop")
app = FastAPI(title="Shop back office")
app.add_middleware(AuditMiddleware)
store = sample_store()

# The password of the demo's only login; it is compared, never logged.
_PASSWORD = "correct horse battery staple"  # noqa: S105 - for this example only

Row = TypeVar("Row")


class UserPatch(BaseModel):
    mfa_phone: str | None = None
    nickname: str | None = None


class RoleGrant(BaseModel):
    role: str


class PayoutChange(BaseModel):
    iban: str


class Refund(BaseModel):
    amount: Decimal = Field(gt=0)
    reason: str = ""


class Login(BaseModel):
    email: str
    password: str


def acting_user(x_staff_id: Annotated[str, Header()]) -> User:
    """Return the staff member of a request, and bind them to its audit records.

    The middleware has already added the source and the id of the request. FastAPI runs this in
    another thread; the binding nevertheless applies to the whole request.
    """
    user = _find(store.users, x_staff_id, "staff member")
    audit_lib.bind(
        user={"id": user.id, "name": user.name, "email": user.email, "roles": list(user.roles)}
    )
    return user


Acting = Annotated[User, Depends(acting_user)]


def _find(table: dict[str, Row], key: str, kind: str) -> Row:
    if key not in table:
        raise HTTPException(404, f"no {kind} has the id {key!r}")
    return table[key]


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/users/{user_id}")
async def read_user(user_id: str, _: Acting) -> User:
    return _find(store.users, user_id, "user")


@app.patch("/users/{user_id}")
async def change_user(user_id: str, patch: UserPatch, _: Acting) -> User:
    user = _find(store.users, user_id, "user")
    changed = dataclasses.replace(user, **patch.model_dump(exclude_unset=True))
    store.users[user_id] = changed
    logger.audit.record_updated(
        "User profile changed",
        record_type="user",
        record_id=user_id,
        before=dataclasses.asdict(user),
        after=dataclasses.asdict(changed),
    )
    return changed


@app.post("/users/{user_id}/roles")
async def grant_role(user_id: str, grant: RoleGrant, _: Acting) -> User:
    user = _find(store.users, user_id, "user")
    changed = dataclasses.replace(user, roles=[*user.roles, grant.role])
    store.users[user_id] = changed
    logger.audit.record_updated(
        f"Role {grant.role} granted",
        record_type="user",
        record_id=user_id,
        before={"roles": user.roles},
        after={"roles": changed.roles},
        action="role-granted",
        extra={"role": grant.role},
    )
    return changed


@app.put("/payout-accounts/{account_id}")
async def change_payout_account(account_id: str, change: PayoutChange, _: Acting) -> None:
    account = _find(store.payout_accounts, account_id, "payout account")
    changed = dataclasses.replace(account, iban=change.iban)
    store.payout_accounts[account_id] = changed
    logger.audit.record_updated(
        f"Payout account of {account.merchant} changed",
        record_type="payout_account",
        record_id=account_id,
        before=dataclasses.asdict(account),
        after=dataclasses.asdict(changed),
    )


@app.post("/orders/{order_id}/refund")
async def refund(order_id: str, requested: Refund, _: Acting) -> None:
    order = _find(store.orders, order_id, "order")
    if order.refunded + requested.amount > order.total:
        raise HTTPException(409, f"at most {order.total - order.refunded} can be refunded")
    changed = dataclasses.replace(order, refunded=order.refunded + requested.amount)
    store.orders[order_id] = changed
    logger.audit.record_updated(
        "Order refunded",
        record_type="order",
        record_id=order_id,
        # A number instead of the text of a Decimal, so that a rule can compare it.
        before={"refunded": float(order.refunded)},
        after={"refunded": float(changed.refunded)},
        action="order-refunded",
        reason=requested.reason or None,
    )


@app.post("/login")
async def login(attempt: Login) -> dict[str, str]:
    user = next((user for user in store.users.values() if user.email == attempt.email), None)
    succeeded = user is not None and attempt.password == _PASSWORD
    with audit_lib.context(
        user={"id": user.id, "name": user.name, "email": user.email}
        if user
        else {"email": attempt.email}
    ):
        logger.audit.event(
            "Logged in" if succeeded else "Login refused: wrong e-mail or password",
            action="login",
            category="authentication",
            type="start",
            outcome="success" if succeeded else "failure",
            level=logging.INFO if succeeded else logging.WARNING,
        )
    if not succeeded:
        raise HTTPException(401, "wrong e-mail or password")
    logger.info("session opened")
    return {"status": "ok"}
