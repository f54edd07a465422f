"""The documented usage, for type checkers: never run, only checked (mypy, pyright, pyrefly, ty)."""

import logging
from typing import Annotated

import audit_lib

logging.setLoggerClass(audit_lib.AppLogger)
logger: audit_lib.AppLogger = audit_lib.get_logger(__name__)
logger.info("ordinary")
audit: audit_lib.AuditLogger = logger.audit
audit.info("simple", extra={"event.action": "login"})
audit.record_updated("Changed", "user", {"a": 1}, {"a": 2})
audit.record_updated("Changed %s", "user", None, object(), "x", record_id=7, ticket="OPS-1")
with audit_lib.context(user={"id": "7"}, source={"ip": "203.0.113.9"}):
    audit.warning("inside")
handler: logging.Handler = audit_lib.AuditHandler()
audit_lib.bind(user={"id": "7"}, on_behalf_of={"id": "8"})
audit.record_created("Made", "user", {"a": 1}, record_id=7, target={"id": "8"})
audit.record_deleted("Gone", "user", {"a": 1}, reason="asked for")
audit.record_accessed("Opened", "statement", record_id="s-1", outcome="failure")
audit.event("login", "%s signed in", "Ana", category="authentication", type=["start"], ticket="1")
with audit.track("Changed", "user", object(), record_id=7):
    pass
audit_lib.configure(catalogue="audit.toml")
audit_lib.configure(catalogue={"actions": {"login": {"category": ["authentication"]}}})
audit.record_updated("Changed", "order", {}, {"lines": []}, by_key={"lines": "sku", "tags": None})
audit_lib.register(complex, lambda number: [number.real, number.imag])
audit_lib.configure(on_failure="spool", spool="spool.jsonl", max_bytes=16_384, fsync=True)
audit.mute()
audit.mute(muted=False)
audit_lib.configure(
    sensitive={
        "iban": audit_lib.Mask(keep=4),
        "tax_id": audit_lib.Hash(),
        "home.street": audit_lib.Drop(),
        "pin": None,
    },
    hash_key=b"sixteen bytes or more",
)


class Account:
    number: Annotated[str, audit_lib.Mask(keep=4)]


heads = [audit_lib.Head("5e1c", 12, "ab")]
report: audit_lib.Report = audit_lib.verify(["line", b"line"], heads=heads)
complete: bool = report.complete and report.intact
found: list[tuple[int, str]] = [(each.line, each.kind) for each in report.problems]
ends: list[tuple[str, audit_lib.Head]] = [(each.end, each.head) for each in report.chains]
audit_lib.configure(chain=False)
audit_lib.configure(service={"name": "shop"})
carried: int = audit_lib.carry(len)([1])
audit.addHandler(audit_lib.AuditFileHandler("audit.log"))
