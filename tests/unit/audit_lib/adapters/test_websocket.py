"""A WebSocket has a context, like a request."""

import asyncio
from typing import Any

import audit_lib
from audit_lib.adapters.asgi import AuditMiddleware
from audit_lib.testing import AuditRecords


async def application(_: Any, receive: Any, send: Any) -> None:
    assert await receive() == {"type": "websocket.connect"}
    await send({"type": "websocket.accept"})
    audit_lib.bind(user={"id": "7"})
    audit_lib.get_logger("shop-websocket").audit.info("inside")


async def connect() -> None:
    scope = {
        "type": "websocket", "path": "/live", "client": ("203.0.113.9", 50_000),
        "headers": [(b"x-request-id", b"r-1")],
    }  # fmt: skip

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(_: Any) -> None: ...

    await AuditMiddleware(application)(scope, receive, send)


def test_a_record_in_a_websocket_says_from_where_it_came(audit_records: AuditRecords) -> None:
    for _ in range(2):
        asyncio.run(connect())
    assert len(audit_records) == 2
    for record in audit_records:
        assert record["source"]["ip"] == "203.0.113.9"
        assert record["url"]["path"] == "/live"
        assert record["user"] == {"id": "7"}
        assert record["http"]["request"]["id"] == "r-1"
    audit_lib.get_logger("shop-websocket").audit.info("outside")
    assert "url" not in list(audit_records)[-1]
