"""The documented usage, for type checkers: never run, only checked by `mypy --strict`."""

import logging

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
