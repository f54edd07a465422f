"""Limits of the embedded cloud that nothing else reaches: below, at and above."""

from dataclasses import replace
from typing import Any

import pytest

from local_cloud.services import log_agent
from local_cloud.services.functions.configuration import FunctionConfiguration

FUNCTION = FunctionConfiguration(
    name="f", handler="app.handler", code=b"x", environment={"A": "1"}, timeout=3, memory_mb=128,
    role_arn="arn:r", log_group="/f",
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "another_process"),
    [
        ({"environment": {"A": "2"}}, True),
        ({"handler": "app.other"}, True),
        ({"memory_mb": 256}, True),
        ({"role_arn": "arn:s"}, True),
        ({"code": b"y"}, True),
        ({"timeout": 4}, False),
        ({"log_group": "/g"}, False),
    ],
)
def test_what_needs_another_process(change: dict[str, Any], another_process: bool) -> None:
    assert (replace(FUNCTION, **change).signature != FUNCTION.signature) is another_process


class Logs:
    """A client that keeps the sizes of the batches, and the cloud that returns it."""

    class exceptions:  # noqa: N801 - boto3's name
        class ResourceAlreadyExistsException(Exception): ...  # noqa: N818 - boto3's name

    def __init__(self) -> None:
        self.batches: list[int] = []

    def client(self, _: str) -> "Logs":
        return self

    @property
    def clock(self) -> "Logs":
        return self

    def now_ms(self) -> int:
        return 1

    def create_log_stream(self, **_: Any) -> None: ...

    def put_log_events(self, *, logEvents: list[Any], **_: Any) -> None:  # noqa: N803 - boto3's name
        self.batches.append(len(logEvents))


@pytest.mark.parametrize(
    ("count", "batches"), [(9_999, [9_999]), (10_000, [10_000]), (10_001, [10_000, 1])]
)
def test_the_agent_ships_ten_thousand_events_at_once(count: int, batches: list[int]) -> None:
    cloud: Any = Logs()
    log_agent.put_lines(cloud, "/g", ["x"] * count, stream="s")
    assert cloud.batches == batches


@pytest.mark.parametrize(("size", "batches"), [(524_262, [2]), (524_263, [1, 1])])
def test_the_agent_ships_a_mebibyte_at_once(size: int, batches: list[int]) -> None:
    cloud: Any = Logs()
    log_agent.put_lines(cloud, "/g", ["x" * size] * 2, stream="s")
    assert cloud.batches == batches
