"""Separate loggers for each test, and the lines that they write."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

import audit_lib

_numbers = itertools.count()


@pytest.fixture
def logger() -> audit_lib.AppLogger:
    return audit_lib.get_logger(f"app{next(_numbers)}")


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    def strict(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    def read() -> list[dict[str, Any]]:
        written = capsys.readouterr().out
        assert written == "" or written.endswith("\n")
        return [json.loads(line, parse_constant=strict) for line in written.splitlines()]

    return read
