"""The adapters, each under its real framework."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import audit_lib
from audit_lib.adapters import asgi, aws_lambda, wsgi

Lines = Callable[[], list[dict[str, Any]]]
HEADERS = {
    "X-Forwarded-For": "6.6.6.6, 203.0.113.9:51234",
    "User-Agent": "pytest",
    "X-Request-Id": "r-1",
    "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01",
}


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def get(app: Any, path: str, headers: dict[str, str]) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


def says_where_it_came_from(line: dict[str, Any]) -> None:
    assert line["source"] == {"ip": "203.0.113.9", "port": 51234}
    assert line["http"]["request"] == {"id": "r-1", "method": "GET"}
    assert line["url"] == {"path": "/orders/7"}
    assert line["user_agent"] == {"original": "pytest"}
    assert line["trace"] == {"id": "ab" * 16}
    assert "203.0.113.9" in line["related"]["ip"]


def test_fastapi_has_the_user_of_a_plain_dependency_in_a_plain_endpoint(lines: Lines) -> None:
    fastapi = pytest.importorskip("fastapi")
    audit = audit_lib.get_logger("fast").audit
    app = fastapi.FastAPI()
    app.add_middleware(asgi.AuditMiddleware, trusted_proxies=1)

    def user(x_user: str = fastapi.Header()) -> None:
        audit_lib.bind(user={"id": x_user})

    @app.get("/orders/{order}", dependencies=[fastapi.Depends(user)])
    def order(order: str) -> dict[str, str]:
        audit.record_accessed("Order opened", "order", record_id=order)
        return {}

    for number in range(5):
        assert get(app, "/orders/7", HEADERS | {"X-User": str(number)}).is_success
    audit.info("outside")
    *inside, outside = lines()
    assert [line["user"]["id"] for line in inside] == list("01234")
    says_where_it_came_from(inside[0])
    assert not {"user", "http", "source"} & set(outside)


def test_starlettes_authenticated_user_is_the_user(lines: Lines) -> None:
    from starlette.applications import Starlette
    from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
    from starlette.middleware import Middleware
    from starlette.middleware.authentication import AuthenticationMiddleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    class Backend(AuthenticationBackend):
        async def authenticate(self, conn: Any) -> Any:
            return AuthCredentials([]), SimpleUser("ana")

    async def endpoint(request: Any) -> Any:
        audit_lib.get_logger("star").audit.info("x")
        return PlainTextResponse("")

    app = Starlette(
        routes=[Route("/", endpoint)],
        middleware=[
            Middleware(asgi.AuditMiddleware),
            Middleware(AuthenticationMiddleware, backend=Backend()),
        ],
    )
    get(app, "/", {"X-Forwarded-For": "6.6.6.6"})
    [line] = lines()
    assert line["user"] == {"id": "ana", "name": "ana"}
    assert line["source"] == {"ip": "127.0.0.1", "port": 123}


def test_flask_keeps_the_context_to_the_last_byte_and_no_longer(lines: Lines) -> None:
    flask = pytest.importorskip("flask")
    audit = audit_lib.get_logger("flask").audit
    app = flask.Flask("x")
    app.wsgi_app = wsgi.AuditMiddleware(app.wsgi_app, trusted_proxies=1)

    @app.before_request
    def user() -> None:
        audit_lib.bind(user={"id": "7"})

    @app.get("/orders/<order>")
    def order(order: str) -> Any:
        audit.info("first")

        def parts() -> Iterator[str]:
            audit.info("in the middle")
            yield "x"

        return flask.Response(parts())

    assert app.test_client().get("/orders/7", headers=HEADERS).data == b"x"
    audit.info("outside")
    first, middle, outside = lines()
    says_where_it_came_from(first)
    says_where_it_came_from(middle)
    assert first["user"]["id"] == middle["user"]["id"] == "7"
    assert "user" not in outside


DJANGO = """
import asyncio, json, sys
import django
from django.conf import settings
settings.configure(
    ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x", AUDIT_LIB={"trusted_proxies": 1},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "audit_lib.adapters.django.AuditMiddleware"],
)
django.setup()
from django.core.management import call_command
from django.http import HttpResponse
from django.urls import path
import audit_lib
audit = audit_lib.get_logger("shop").audit

def opened(request, order):
    audit.record_accessed("Order opened", "order", record_id=order)
    return HttpResponse()

def gone(request):
    audit.info("about to go")
    request.user.delete()
    audit.info("gone")
    return HttpResponse()

async def later(request):
    audit.info("asynchronous")
    return HttpResponse()

urlpatterns = [path("orders/<order>", opened), path("gone", gone), path("later", later)]
call_command("migrate", verbosity=0)
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
ana = User.objects.create_user("ana", "ana@example.com", "x")
client = Client()
headers = json.loads(sys.argv[1])
client.get("/orders/7", headers=headers)
client.force_login(ana)
client.get("/orders/7", headers=headers)
asyncio.run(AsyncClient().get("/later"))
client.get("/gone")
"""


def test_django_says_the_user_also_one_who_deletes_the_own_account() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DJANGO, json.dumps(HEADERS)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = [json.loads(line) for line in done.stdout.splitlines() if line]
    anonymous, known, later, before, after = said[1:-1]
    says_where_it_came_from(anonymous)
    says_where_it_came_from(known)
    assert "user" not in anonymous
    ana = {"id": "1", "name": "ana", "email": "ana@example.com"}
    assert known["user"] == before["user"] == after["user"] == ana
    assert "user" not in later
    assert later["http"]["request"]["method"] == "GET"


CELERY = """
import sys
import celery
import audit_lib
from audit_lib.adapters.celery import install
install()
audit = audit_lib.get_logger("tasks").audit
app = celery.Celery("x", broker=f"filesystem://", backend="cache+memory://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": sys.argv[1], "data_folder_out": sys.argv[1],
        "control_folder": sys.argv[1] + "/control"},
    worker_hijack_root_logger=True, worker_redirect_stdouts=True, task_ignore_result=True,
)

@app.task(bind=True, name="refund", max_retries=1)
def refund(self, order):
    audit.record_updated("Refunded", "order", {"paid": True}, {"paid": False}, record_id=order)
    if not self.request.retries:
        raise self.retry(countdown=0)
    print("printed")
    app.control.shutdown()

@app.task(name="alone")
def alone():
    audit.info("nobody asked")
"""


def test_a_celery_worker_says_who_asked_for_the_task(tmp_path: Path) -> None:
    """A real worker, whose standard output and root logger Celery has replaced."""
    pytest.importorskip("celery")
    (tmp_path / "tasks_of_test.py").write_text(CELERY)
    (tmp_path / "queue").mkdir()
    send = (
        "import tasks_of_test as t, audit_lib\n"
        "t.alone.delay()\n"
        "with audit_lib.context(user={'id': '7'}): t.refund.apply_async(['o-1'], countdown=1)"
    )
    queue = str(tmp_path / "queue")
    worker = (
        "import sys, tasks_of_test as t\n"
        "t.app.worker_main(['worker', '-P', 'solo', '-l', 'WARNING', '--without-mingle',"
        "'--without-gossip', '--without-heartbeat'])"
    )
    for program in (send, worker):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program, queue],
            capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60,
        )  # fmt: skip
    said = [
        json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"@timestamp"')
    ]
    assert audit_lib.verify(done.stdout.splitlines()).problems == ()
    nobody, first, again = (line for line in said if "audit-chain" not in str(line["event"]))
    assert first["user"] == again["user"] == {"id": "7"}
    assert first["task"] == again["task"]
    assert first["task"]["name"] == "refund"
    assert first["log"]["logger"] == "tasks.audit"
    assert "user" not in nobody


def test_one_invocation_of_a_function_leaves_nothing_for_the_next(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_lambda, "_warm", False)
    audit = audit_lib.get_logger("function").audit

    class Context:
        aws_request_id, function_name, function_version = "e-1", "shop", "3"
        invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:shop"

    @aws_lambda.audited
    def handler(event: dict[str, Any], context: Any) -> str:
        if "order" in event:
            audit_lib.bind(labels={"order": event["order"]})
        audit.info("x")
        return "done"

    assert handler({"order": "7"}, Context()) == "done"
    handler(
        {
            "headers": {"User-Agent": "curl", "X-Forwarded-For": "6.6.6.6"},
            "requestContext": {
                "requestId": "g-1",
                "http": {"method": "POST", "path": "/pay", "sourceIp": "203.0.113.9"},
                "authorizer": {"jwt": {"claims": {"sub": "u-7", "email": "ana@example.com"}}},
            },
        },
        Context(),
    )
    handler(
        {"requestContext": {"elb": {}}, "headers": {"x-forwarded-for": "6.6.6.6, 203.0.113.9"}},
        None,
    )
    first, second, third = lines()
    assert first["labels"] == {"order": "7"}
    assert first["faas"]["execution"] == "e-1"
    assert first["faas"]["coldstart"] != second["faas"]["coldstart"]
    assert "labels" not in second
    assert second["source"] == {"ip": "203.0.113.9"}
    assert second["user"] == {"id": "u-7", "email": "ana@example.com"}
    assert second["http"]["request"] == {"id": "g-1", "method": "POST"}
    assert third["source"] == {"ip": "203.0.113.9"}


@pytest.mark.parametrize(
    ("asked", "user"),
    [
        ({"authorizer": {"claims": {"sub": "u-7", "name": "Ana"}}}, {"id": "u-7", "name": "Ana"}),
        ({"authorizer": {"principalId": "u-8"}}, {"id": "u-8"}),
        ({"authorizer": {"iam": {"userArn": "arn:aws:iam::1:user/ana"}}}, {"id": "arn:aws:iam::1:user/ana"}),
        ({"identity": {"userArn": "arn:aws:iam::1:user/li"}}, {"id": "arn:aws:iam::1:user/li"}),
        ({"http": "x", "identity": 5, "authorizer": "Bearer", "requestId": ["r"]}, None),
        ({"http": {"sourceIp": 5, "path": ["/"]}, "authorizer": {"jwt": "x", "claims": ["y"]}}, None),
        ("none", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("headers", [{}, None, ["a"], {"X-Forwarded-For": 5}])
def test_an_event_that_anybody_made_never_stops_the_function(
    lines: Lines, asked: Any, user: Any, headers: Any
) -> None:
    audit = audit_lib.get_logger("function").audit
    handler = aws_lambda.audited(lambda event, _: audit.info("x"))
    handler({"requestContext": asked, "headers": headers}, None)
    [line] = lines()
    assert line.get("user") == user


def test_lambdas_own_wrapper_of_stdout_is_written_through(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Unbuffered:
        def __init__(self, stream: Any) -> None:
            self.stream = stream

        def __getattr__(self, name: str) -> Any:
            return getattr(self.stream, name)

        def write(self, text: str) -> None:
            self.stream.write(text)
            self.stream.flush()

    Unbuffered.__module__ = "awslambdaric.bootstrap"
    with (tmp_path / "log").open("w") as file:
        monkeypatch.setattr(sys, "stdout", Unbuffered(file))
        audit_lib.get_logger("wrapped").audit.info("x")
    assert '"chain"' in (tmp_path / "log").read_text()


# ── beside others ──────────────────────────────────────────────────────────────────────────────


def run(program: str, *command: str, **options: Any) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, *(command or ("-c", program))],
        capture_output=True, text=True, check=True, timeout=60, **options,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines() if '"audited"' in line]


@pytest.mark.parametrize(
    "beside",
    [
        "import structlog; structlog.stdlib.recreate_defaults(); structlog.get_logger().info('y')",
        "import loguru; loguru.logger.info('y')\n"
        "class Intercept(logging.Handler):\n"
        "  def emit(self, record): loguru.logger.log(record.levelname, record.getMessage())\n"
        "logging.basicConfig(handlers=[Intercept()], level=0, force=True)",
        "from aws_lambda_powertools import Logger; Logger(service='x').info('y')",
        "from aws_lambda_powertools.logging import utils; from aws_lambda_powertools import Logger\n"
        "utils.copy_config_to_registered_loggers(source_logger=Logger(service='x'))",
    ],
)
def test_beside_another_librarys_set_up_a_record_is_written_once_as_it_is(beside: str) -> None:
    for order in ("{get}\n{beside}", "{beside}\n{get}"):
        get = "audit = audit_lib.get_logger('app').audit"
        program = "import logging, audit_lib\n" + order.format(get=get, beside=beside)
        [line] = run(program + "\naudit.info('audited')")
        assert line["log"]["logger"] == "app.audit"
        assert line["chain"]


def test_dict_config_alone_is_enough(tmp_path: Path) -> None:
    program = (
        "import logging.config\n"
        "logging.config.dictConfig({'version': 1, 'handlers': {'a': {'class':"
        " 'audit_lib.AuditHandler'}}, 'loggers': {'app.audit': {'handlers': ['a'],"
        " 'level': 'INFO'}}})\n"
        "logging.getLogger('app.audit').info('audited')"
    )
    [line] = run(program)
    assert line["chain"]
