"""The documented usage, for type checkers: never run, only checked (mypy, pyright, pyrefly, ty)."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Annotated, Any, Unpack

import audit_lib
from audit_lib.adapters import aws_lambda, celery, request, wsgi
from audit_lib.adapters import django as django_adapter
from audit_lib.adapters.asgi import AuditMiddleware, Receive, Scope, Send
from audit_lib.capture import django, sqlalchemy
from audit_lib.destinations.cloudwatch_logs import CloudWatchLogsHandler
from audit_lib.destinations.dynamodb import AuditTable, DynamoDBHandler
from audit_lib.destinations.firehose import FirehoseHandler
from audit_lib.testing import AuditRecords, capture, ecs_problems

version: str = audit_lib.__version__
logging.setLoggerClass(audit_lib.AppLogger)
logger: audit_lib.AppLogger = audit_lib.get_logger(__name__)
logger.info("ordinary")
audit: audit_lib.AuditLogger = logger.audit
audit.info("simple", extra={"event.action": "login"})
audit.record_updated("Changed", "user", {"a": 1}, {"a": 2})
audit.record_updated(
    "Changed %s", "user", None, object(), "x", record_id=7, extra={"ticket": "OPS-1"}
)
with audit_lib.context(user={"id": "7"}, source={"ip": "203.0.113.9"}):
    audit.warning("inside")
handler: logging.Handler = audit_lib.AuditHandler()
audit_lib.bind(user={"id": "7"}, on_behalf_of={"id": "8"})
audit_lib.unbind("user.name", "source")
audit_lib.clear()
audit.record_created("Made", "user", {"a": 1}, record_id=7, target={"id": "8"})
audit.record_deleted("Gone", "user", {"a": 1}, reason="asked for")
audit.record_accessed("Opened", "statement", record_id="s-1", outcome="failure")
audit.event("%s signed in", "Ana", action="login", category="authentication", type=["start"])
audit.event("%(name)s signed in", {"name": "Ana"}, action="login", level=logging.WARNING)
with audit.track("Changed", "user", object(), record_id=7, reason="asked for"):
    pass


def changed(before: object, after: object, **arguments: Unpack[audit_lib.RecordArguments]) -> None:
    audit.record_updated("Changed", "user", before, after, **arguments)


def happened(**arguments: Unpack[audit_lib.EventArguments]) -> None:
    audit.event("Happened", **arguments)


changed({"a": 1}, {"a": 2}, record_id=7, outcome="unknown")
happened(action="login", outcome="failure")
audit_lib.configure(catalogue="audit.toml")
audit_lib.configure(catalogue={"actions": {"login": {"category": ["authentication"]}}})
audit.record_updated("Changed", "order", {}, {"lines": []}, by_key={"lines": "sku", "tags": None})
audit_lib.register_type(complex, lambda number: [number.real, number.imag])
audit_lib.configure(on_failure="spool", spool="spool.jsonl", max_bytes=16_384, fsync=True)
config: audit_lib.Config = audit_lib.get_config()
in_force: tuple[str, int, bool, str | None] = (
    config.on_failure, config.max_bytes, config.chain, config.spool,
)  # fmt: skip
named: str = config.service["name"]
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


heads = [audit_lib.ChainHead("5e1c", 12, "ab")]
report: audit_lib.VerifyReport = audit_lib.verify(["line", b"line"], heads=heads)
complete: bool = report.complete and report.intact
found: list[tuple[int, str]] = [(each.line, each.kind) for each in report.problems]
problem: audit_lib.VerifyProblem = report.problems[0]
chain: audit_lib.VerifiedChain = report.chains[0]
ends: list[tuple[str, audit_lib.ChainHead]] = [(each.end, each.head) for each in report.chains]
audit_lib.configure(chain=False)
audit_lib.configure(service={"name": "shop"})
copied: int = audit_lib.copy_context(len)([1])
audit.addHandler(audit_lib.AuditFileHandler("audit.log"))

# adapters


async def asgi_app(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(0)


def wsgi_app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    return [b""]


def django_view(_: Any) -> None: ...


wrapped_asgi = AuditMiddleware(asgi_app, trusted_proxies=1)
answer: Iterable[bytes] = wsgi.AuditMiddleware(wsgi_app, trusted_proxies=1)({}, None)
django_adapter.AuditMiddleware(django_view)
celery.install()


@aws_lambda.audited
def lambda_handler(event: dict[str, Any], context: object) -> str:
    return str(event)


answered: str = lambda_handler({}, None)
fields: dict[str, Any] = request.request_fields(
    {"x-request-id": "r-1"}.get, "203.0.113.9", method="GET", path="/", trusted_proxies=1
)
trace: dict[str, Any] = request.trace_fields({"traceparent": ""}.get)
with request.Request(fields, user=lambda: {"id": "7"}):
    audit.info("inside")

# capture

sqlalchemy.audit_models(Account, logger=audit, record_type="account", exclude={"changed_at"})
sqlalchemy.release_models(Account)
django.audit_models(Account, logger=audit, exclude=["changed_at"])
django.release_models()

# destinations

audit.addHandler(CloudWatchLogsHandler("/audit/shop", flush_interval=0.5, retry_for=30))
audit.addHandler(FirehoseHandler("audit", flush_interval=1, retry_for=30))
table = AuditTable("audit")
history: list[dict[str, Any]] = list(table.history_of("user", "7"))
audit.addHandler(DynamoDBHandler("audit", keep_days=30, flush_interval=0.5, retry_for=30))

# testing


def test_a_change_is_audited(audit_records: AuditRecords) -> None:
    record: dict[str, Any] = audit_records.one(action="user-updated", record_id="7")
    assert ecs_problems(record) == []
    audit_records.none(outcome="failure")


with capture() as records:
    audit.info("inside")
    first: dict[str, Any] = records.one({"message": "inside"})
    count: int = len(records.all())
