"""AWS simulated by moto, with clients whose calls can be made to fail."""

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

import audit_lib

Fault = Callable[[Any], Any]


class _Http:
    def __init__(self, status: int) -> None:
        self.status_code = status


def answer(status: int, code: str, message: str = "as the test has it") -> Fault:
    """An error of the service, instead of moto's answer."""

    def respond(_: Any) -> tuple[_Http, dict[str, Any]]:
        return _Http(status), {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }

    return respond


THROTTLED = answer(400, "ThrottlingException")
DENIED = answer(400, "AccessDeniedException")
BROKEN = answer(500, "InternalServerError")


class Service:
    """The clients of one test; `faults` are the answers of the next calls, `always` of all later ones."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.faults: deque[Fault | None] = deque()
        self.always: Fault | None = None
        self.lost_answers = 0

    def client(self, service: str) -> Callable[[], Any]:
        def make() -> Any:
            client = boto3.session.Session().client(
                service, config=Config(retries={"total_max_attempts": 1})
            )  # type: ignore[call-overload]
            client.meta.events.register_first("before-call", self._before)
            client.meta.events.register("after-call", self._after)
            return client

        return make

    def _before(self, params: dict[str, Any], event_name: str, **_: Any) -> Any:
        self.calls.append(event_name.rpartition(".")[2])
        fault = self.faults.popleft() if self.faults else self.always
        return fault(params["body"]) if fault else None

    def _after(self, **_: Any) -> None:
        if self.lost_answers:
            self.lost_answers -= 1
            raise ConnectionResetError("the answer was lost on its way")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield Service()


@pytest.fixture(autouse=True)
def as_without_configure() -> Iterator[None]:
    yield
    audit_lib.configure()


_numbers = itertools.count()


@pytest.fixture
def logger() -> audit_lib.AppLogger:
    return audit_lib.get_logger(f"destined{next(_numbers)}")
