"""Defines the members with which each line begins, and which only this library writes.

`extra` and the context cannot replace them, the search for secrets leaves them unchanged, and a record that is too
long keeps them.
"""

import os
from typing import Any, Final

__all__ = ["ECS_OBJECTS", "HEAD", "OWN", "RESERVED", "head_of", "is_reserved"]

_ECS_VERSION: Final = "9.0.0"

# With the JSON log format, Lambda drops lines below the function's application log level. It reads the
# members `level` and `timestamp`; a line without them is INFO.
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
_IS_LAMBDA_JSON: Final = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
_READ_BY_LAMBDA: Final = ("level", "timestamp") if _IS_LAMBDA_JSON else ()


def _lambda_level() -> str | None:
    """Return the log level of a Lambda function that would drop a record, else None."""
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    drops = level in {"WARN", "WARNING", "ERROR", "FATAL", "CRITICAL"}
    return level if _IS_LAMBDA_JSON and drops else None


_LAMBDA_LEVEL: Final = _lambda_level()

HEAD: Final[tuple[str, ...]] = (
    "@timestamp", *_READ_BY_LAMBDA, "log.level", "message", "ecs.version", "log", "process",
)  # fmt: skip
"""The names of the members that `head_of` returns; Lambda's two are not in each record."""
_PROOF: Final = ("chain", "hash")
OWN: Final = frozenset({*HEAD, *_PROOF} - {"message"})
"""The members that contain no value of an application."""
RESERVED: Final = frozenset({*HEAD, *_PROOF, "ecs"})
"""The members that neither `extra` nor the context may have."""
# A dotted name that begins with one of these is an ECS field (`event.action`); any other is a name.
# fmt: off
ECS_OBJECTS: Final = frozenset({
    "agent", "client", "cloud", "container", "data_stream", "destination", "device", "dns", "ecs",
    "email", "error", "event", "faas", "file", "group", "host", "http", "labels", "log", "network",
    "observer", "orchestrator", "organization", "package", "process", "registry", "related", "rule",
    "server", "service", "session", "source", "span", "threat", "tls", "trace", "transaction",
    "url", "user", "user_agent", "vulnerability",
})
"""The objects of ECS, by their names."""
# fmt: on


def head_of(
    at: str, level: str, message: str, log: dict[str, Any], process: dict[str, Any]
) -> dict[str, Any]:
    """Return the first members of a document, with those by which Lambda does not drop the line.

    Args:
        at: the time, as `timestamp` returns it.
        level: the name of the level in lower case.
        message: the message.
        log: ECS `log`.
        process: ECS `process`.
    """
    if _LAMBDA_LEVEL is not None:
        return {
            "@timestamp": at,
            "level": _LAMBDA_LEVEL,
            "timestamp": at,
            "log.level": level,
            "message": message,
            "ecs.version": _ECS_VERSION,
            "log": log,
            "process": process,
        }
    return {
        "@timestamp": at,
        "log.level": level,
        "message": message,
        "ecs.version": _ECS_VERSION,
        "log": log,
        "process": process,
    }


def is_reserved(name: str) -> bool:
    """Return whether the context may not have a member, by its name or its dotted path.

    `event.id` is one of them: readers detect duplicates and gaps by it.
    """
    if name in RESERVED or name == "event.id":
        return True
    first, dot, _ = name.partition(".")
    return dot == "." and first in RESERVED and first in ECS_OBJECTS
