"""`make fuzz SECONDS=…`: runs the property tests at random, and prints each failing input.

`make test` runs them derandomised, with the same inputs each time. Here, each round has a new seed. A
failing input is printed as an `@example(…)` decorator for the test.
"""

import random
import re
import sys
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

_FAILING = re.compile(
    r"(?:Failing test case|Falsifying example): \w+\(\n(.*)^\)", re.DOTALL | re.MULTILINE
)
_ARGUMENT = re.compile(r"^    (\w+)=", re.MULTILINE)


class Round:
    """One run of all property tests, which stops when the time is over."""

    def __init__(self, ends: float) -> None:
        self.ends = ends
        self.found: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        random.shuffle(items)  # a short run would always reach the same tests

    def pytest_runtest_makereport(self, item: pytest.Function, call: pytest.CallInfo[None]) -> None:
        if call.excinfo is not None:
            error = call.excinfo.value
            text = example_of(error, set(item.fixturenames))
            self.found[item.nodeid] = text or f"{type(error).__name__}: {error}"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        if time.monotonic() > self.ends:
            item.session.shouldstop = "the time is over"
        return (yield)


def example_of(error: BaseException, fixtures: set[str]) -> str | None:
    """Return the failing input from Hypothesis's notes as an `@example`, without fixtures."""
    found = _FAILING.search("\n".join(getattr(error, "__notes__", [])))
    if found is None:
        return None
    begins = [match.start() for match in _ARGUMENT.finditer(found[1])] + [len(found[1])]
    arguments = [
        re.sub(r",(\s*# .*)?$", "", found[1][begin:end].strip()) for begin, end in pairwise(begins)
    ]
    own = [text for text in arguments if text.partition("=")[0] not in fixtures]
    return f"@example({', '.join(own)})"


def main(seconds: float) -> int:
    ends = time.monotonic() + seconds
    rounds, found = 0, dict[str, str]()
    while time.monotonic() < ends and not found:
        seed = random.getrandbits(32)
        current = Round(ends)
        pytest.main(
            ["-q", "-m", "hypothesis", "-p", "no:cacheprovider", "--hypothesis-profile=fuzz",
             f"--hypothesis-seed={seed}", "--no-header", "--tb=short", "--timeout=0", "-W",
             "ignore::pytest.PytestAssertRewriteWarning", "tests"],
            plugins=[current],
        )  # fmt: skip
        rounds, found = rounds + 1, current.found
    for test, text in found.items():
        print(f"\n{test} fails; add this decorator to it:\n{text}")  # noqa: T201 - the output of the program
    if not found:
        print(f"\n{rounds} rounds, no failure")  # noqa: T201 - the output of the program
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
