"""What a fault is: whom it affects, with what answer, and for how long; rejects what is not understood."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from math import inf
from typing import Any, Final, Literal, Self, TypedDict

from botocore.session import Session
from moto.backend_index import backend_url_patterns
from moto.backends import ALT_SERVICE_NAMES
from moto.core.utils import get_service_model

from local_cloud.errors import FaultError

__all__ = ["LATE", "THROTTLING", "TIMEOUT", "Fault", "FaultParameters", "fault_of"]

TIMEOUT: Final = "timeout"
LATE: Final = "late"
THROTTLING: Final = "throttling"
_SERVICE_ANSWERS: Final = (400, 403, 404, 429, 500, 503, TIMEOUT, LATE, THROTTLING)
_FUNCTION_ANSWERS: Final = ("error", "killed", TIMEOUT)
_OF_SERVICES: Final = (
    "service", "operation", "answer", "seconds", "count", "retry_after", "everybody",
)  # fmt: skip
_OF_RECEIVERS: Final = ("service", "answer", "seconds", "count", "retry_after")
_OF_FUNCTIONS: Final = ("function", "answer", "seconds", "count", "at_call", "after")
_WITH_RETRY_AFTER: Final = (429, 503, THROTTLING)
_SEVERAL: Final = {"ses": ("ses", "sesv2")}
"""Names that stand for several services of boto3."""
_USUAL: Final = (
    "cloudwatch", "dynamodb", "events", "kms", "lambda", "logs", "s3", "secretsmanager", "ses",
    "sns", "sqs", "ssm", "sts",
)  # fmt: skip


class FaultParameters(TypedDict, total=False):
    """The parameters of a fault, the same in Python and in JSON; `local_cloud/README.md` explains them."""

    service: str
    operation: str
    function: str
    answer: int | Literal["timeout", "late", "throttling", "error", "killed"]
    seconds: float
    count: int
    retry_after: float
    everybody: bool
    at_call: int
    after: bool


@dataclass(slots=True, kw_only=True, eq=False)
class Fault:
    """A fault, and how many calls or invocations it affected.

    Attributes:
        given: the parameters as they were given.
        services: the names in boto3 of the affected services; empty for a receiver or a function.
        operation: the only affected operation; empty for all.
        receiver: the type of the affected receiver; empty for none.
        function: the name of the affected function; empty for none.
        answer: a status, `timeout`, `late`, `error` or `killed`; throttling is 429.
        ends_at: when it ends, on the cloud's clock, in seconds since 1970.
        left: how many more calls or invocations it affects.
        retry_after: the seconds of the header `Retry-After`; None for no such header.
        everybody: whether it affects all calls, not those of functions alone.
        at_call: which call of an invocation it affects, from 1.
        after: whether that call is carried out before the process is ended.
        struck: how many calls, messages or invocations it affected.
    """

    given: Mapping[str, Any]
    services: tuple[str, ...] = ()
    operation: str = ""
    receiver: str = ""
    function: str = ""
    answer: int | str
    ends_at: float = inf
    left: float = inf
    retry_after: float | None = None
    everybody: bool = False
    at_call: int = 1
    after: bool = False
    struck: int = 0
    end: Callable[[], None] = field(default=lambda: None, repr=False)
    """Ends the fault; does nothing if it is over."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def fault_of(
    given: Mapping[str, Any],
    *,
    now: float,
    receivers: Mapping[str, tuple[str, str] | None],
    functions: Iterable[str],
) -> Fault:
    """Return the fault that parameters ask for.

    Args:
        given: the parameters, see `FaultParameters`.
        now: the cloud's time in seconds since 1970.
        receivers: the types of receivers, each with the AWS service and operation that a message to it goes
            through, or None if the receiver itself can fail.
        functions: the names of the functions.

    Raises:
        FaultError: a parameter is missing, not known, or has a value that is not understood.
    """
    match ("service" in given, "function" in given):
        case (True, False):
            fault = _of_service(given, receivers)
        case (False, True):
            fault = _of_function(given, functions)
        case (False, False):
            raise FaultError("service is missing; write the name of a service, or of a function")
        case _:
            raise FaultError("service and function are both there; write one fault for each")
    seconds, count = _number(given, "seconds"), _whole(given, "count")
    fault.ends_at = inf if seconds is None else now + seconds
    fault.left = inf if count is None else count
    return fault


def _of_service(given: Mapping[str, Any], receivers: Mapping[str, tuple[str, str] | None]) -> Fault:
    name = _text(given, "service")
    through = receivers.get(name)
    is_receiver = name in receivers and through is None
    _check_names(given, _OF_RECEIVERS if is_receiver else _OF_SERVICES, f"a fault of {name}")
    answer = _answer(given, _SERVICE_ANSWERS)
    retry_after = _number(given, "retry_after")
    if retry_after is not None and answer not in _WITH_RETRY_AFTER:
        raise FaultError(
            f"retry_after: the answer {answer!r} has none; leave it out, or write the answer 429 or 503"
        )
    fault = Fault(
        given=dict(given),
        answer=429 if answer == THROTTLING else answer,
        retry_after=retry_after,
        everybody=_flag(given, "everybody"),
    )
    if is_receiver:
        fault.receiver = name
        return fault
    service, fault.operation = through or (name, "")
    fault.services = _SEVERAL.get(service, (service,))
    if through is None and not set(fault.services) <= _served():
        known = sorted({*receivers, *_USUAL})
        raise FaultError(
            f"service: the cloud does not serve {name!r};{_meant(name, {*known, *_served()})} write one"
            f" of {', '.join(known)}, or the name in boto3 of another service that moto has"
        )
    if "operation" in given:
        operation = _text(given, "operation")
        operations = {
            each for name in fault.services for each in get_service_model(name).operation_names
        }
        if operation not in operations or fault.operation not in ("", operation):
            offered = {fault.operation} if fault.operation else operations
            raise FaultError(
                f"operation: {name} has no operation {operation!r};{_meant(operation, offered)} write"
                " its name as in the API reference, such as PutItem, or leave it out for all"
            )
        fault.operation = operation
    return fault


def _of_function(given: Mapping[str, Any], functions: Iterable[str]) -> Fault:
    name = _text(given, "function")
    _check_names(given, _OF_FUNCTIONS, f"a fault of the function {name}")
    known = sorted(functions)
    if name not in known:
        raise FaultError(
            f"function: there is no function {name!r};{_meant(name, known)} write one of"
            f" {', '.join(known) or '(none is deployed)'}"
        )
    answer = _answer(given, _FUNCTION_ANSWERS)
    for member in ("at_call", "after"):
        if answer == "error" and member in given:
            raise FaultError(
                f"{member}: an invocation with the answer 'error' fails before its first call; leave it"
                " out, or write the answer 'killed' or 'timeout'"
            )
    return Fault(
        given=dict(given),
        function=name,
        answer=answer,
        at_call=_whole(given, "at_call") or 1,
        after=_flag(given, "after"),
    )


@cache
def _served() -> frozenset[str]:
    """Return the names in boto3 of the services that moto has."""
    known = {name for name, _ in backend_url_patterns}
    modules = {name: name.replace("-", "") for name in Session().get_available_services()}
    return frozenset(
        name for name, safe in modules.items() if ALT_SERVICE_NAMES.get(safe, safe) in known
    )


def _check_names(given: Mapping[str, Any], names: Collection[str], what: str) -> None:
    for name in given:
        if name not in names:
            raise FaultError(
                f"{name}: {what} has no such parameter;{_meant(name, names)} write some of"
                f" {', '.join(names)}"
            )


def _answer(given: Mapping[str, Any], answers: Collection[int | str]) -> int | str:
    answer = given.get("answer")
    if isinstance(answer, bool) or not isinstance(answer, int | str) or answer not in answers:
        found = "is missing" if "answer" not in given else f"found {answer!r:.60}"
        raise FaultError(f"answer: {found}; write one of {', '.join(map(repr, answers))}")
    return answer


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given[name]
    if not isinstance(value, str) or not value:
        raise FaultError(f"{name}: found {value!r:.60}; write a name")
    return value


def _number(given: Mapping[str, Any], name: str) -> float | None:
    value = given.get(name)
    if name not in given:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < inf:
        raise FaultError(f"{name}: found {value!r:.60}; write a number of seconds above 0")
    return value


def _whole(given: Mapping[str, Any], name: str) -> int | None:
    value = given.get(name)
    if name not in given:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise FaultError(f"{name}: found {value!r:.60}; write a whole number above 0")
    return value


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise FaultError(f"{name}: found {value!r:.60}; write true or false")
    return value


def _meant(word: str, offered: Iterable[str]) -> str:
    close = get_close_matches(word, list(offered), n=1)
    return f" did you mean {close[0]!r}?" if close else ""
