"""The pytest plugin: the fixture `audit_records`, and `--audit-coverage`."""

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ._coverage import Finding

__all__ = [
    "AuditRecords",
    "audit_records",
    "ecs_problems",
    "pytest_addoption",
    "pytest_configure",
]

# What is asked for most, by its short name.
_SHORT = {
    "action": "event.action",
    "outcome": "event.outcome",
    "reason": "event.reason",
    "category": "event.category",
    "type": "event.type",
    "record_type": "changes.record_type",
    "record_id": "changes.record_id",
    "before": "changes.before",
    "after": "changes.after",
    "fields": "changes.fields",
    "user": "user",
    "target": "user.target",
    "logger": "log.logger",
    "level": "log.level",
}
_MISSING = "(missing)"


class AuditRecords:
    """The audit records of a test, as the documents that were written, in their order."""

    def __init__(self) -> None:
        self._documents: list[dict[str, Any]] = []

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._documents)

    def __len__(self) -> int:
        return len(self._documents)

    def __getitem__(self, at: int) -> dict[str, Any]:
        return self._documents[at]

    def clear(self) -> None:
        """Forget those that there are."""
        self._documents.clear()

    def all(
        self, where: Mapping[str, Any] | None = None, **expected: Any
    ) -> Sequence[dict[str, Any]]:
        """Give those that are as expected.

        Args:
            where: dotted fields of the document → what they have to be.
            expected: the same by short names: `action`, `outcome`, `record_type`, `record_id`,
                `before`, `after`, `fields`, `user`, `target`, `message`, …. An object has to hold
                what is expected of it, and may hold more; everything else has to be equal.
        """
        wanted = _wanted(where, expected)
        return [document for document in self._documents if not _differences(document, wanted)]

    def one(self, where: Mapping[str, Any] | None = None, **expected: Any) -> dict[str, Any]:
        """Give the one that is as expected; fail with what there is when it is not exactly one."""
        __tracebackhide__ = True
        found = self.all(where, **expected)
        if len(found) != 1:
            pytest.fail(self._told(len(found), _wanted(where, expected)), pytrace=False)
        return found[0]

    def none(self, where: Mapping[str, Any] | None = None, **expected: Any) -> None:
        """Fail when there is one that is as described; without a description, when there is any."""
        __tracebackhide__ = True
        if found := self.all(where, **expected):
            lines = "\n".join(f"  {_line(document)}" for document in found)
            pytest.fail(f"no such audit record was expected, and there is:\n{lines}", pytrace=False)

    def _told(self, found: int, wanted: Mapping[str, Any]) -> str:
        asked = ", ".join(f"{path} = {value!r}" for path, value in wanted.items()) or "any"
        told = [f"one audit record was expected, and {found or 'none'} found, with {asked}"]
        if not self._documents:
            return f"{told[0]}\nnothing was audited at all"
        told.append("there are:")
        for document in self._documents:
            told.append(f"  {_line(document)}")
            if not found:
                told += [
                    f"      {path}: expected {value!r}, found {actual!r}"
                    for path, value, actual in _differences(document, wanted)
                ]
        return "\n".join(told)


def _wanted(where: Mapping[str, Any] | None, expected: Mapping[str, Any]) -> dict[str, Any]:
    return {**{_SHORT.get(name, name): value for name, value in expected.items()}, **(where or {})}


def _differences(
    document: Mapping[str, Any], wanted: Mapping[str, Any]
) -> list[tuple[str, Any, Any]]:
    found = ((path, value, _at(document, path)) for path, value in wanted.items())
    return [(path, value, actual) for path, value, actual in found if not _holds(actual, value)]


def _at(document: Mapping[str, Any], path: str) -> Any:
    if path in document:  # `log.level` is one name
        return document[path]
    here: Any = document
    for name in path.split("."):
        if not isinstance(here, Mapping) or name not in here:
            return _MISSING
        here = here[name]
    return here


def _holds(actual: Any, value: Any) -> bool:
    if isinstance(value, Mapping) and isinstance(actual, Mapping):
        return all(name in actual and _holds(actual[name], value[name]) for name in value)
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(actual, bool) is not isinstance(value, bool):
        return False
    return bool(actual == value)


def _line(document: Mapping[str, Any]) -> str:
    changes = document.get("changes", {})
    about = " ".join(str(changes[name]) for name in ("record_type", "record_id") if name in changes)
    action = document.get("event", {}).get("action", document.get("log.level"))
    return f"{action}: {document.get('message')!r}" + (f" ({about})" if about else "")


def ecs_problems(document: Mapping[str, Any]) -> list[str]:
    """Say what of a document ECS does not know; an empty list where all is well.

    Checked are `event.category`, `event.type` and `event.outcome`, and what the emitter had to say
    itself (`labels.audit_problem`).
    """
    from audit_lib._record.ecs import misfits

    event = document.get("event", {})
    category, types = event.get("category", []), event.get("type", [])
    problems = [
        f"event.{name}: found {value!r}; ECS has an array"
        for name, value in (("category", category), ("type", types))
        if not isinstance(value, list)
    ]
    if not problems:
        problems += misfits(tuple(category), tuple(types), event.get("outcome", "unknown"))
    said = _at(document, "labels.audit_problem")
    if said != _MISSING and said not in problems:
        problems.append(str(said))
    return problems


@pytest.fixture
def audit_records() -> Iterator[AuditRecords]:
    """The audit records that the test makes, whatever logger and thread they come from."""
    from audit_lib._output.handler import AuditFormatter

    kept = AuditRecords()
    formatter = AuditFormatter()
    with _heard(lambda record: kept._documents.append(json.loads(formatter.format(record)))):  # noqa: SLF001
        yield kept


class _Hearing(logging.Handler):
    """Hears of audit records alone."""

    records: list[logging.LogRecord] = []  # noqa: RUF012 - by this, audit loggers know a test tool

    def __init__(self, tell: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        from audit_lib._record.document import PAYLOAD

        if hasattr(record, PAYLOAD):
            self._tell(record)


@contextmanager
def _heard(tell: Callable[[logging.LogRecord], None]) -> Iterator[None]:
    """Have a function called with each audit record of the block."""
    hearing = _Hearing(tell)
    logging.getLogger().addHandler(hearing)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(hearing)


# ── --audit-coverage ───────────────────────────────────────────────────────────────────────────


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--audit-coverage`, and what is sensitive."""
    parser.getgroup("audit").addoption(
        "--audit-coverage",
        action="store_true",
        help="name each place that changes sensitive columns without an audit record",
    )
    parser.addini(
        "audit_sensitive",
        "what --audit-coverage watches: table.column, or table for all of its columns",
        type="linelist",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch, where that is asked for."""
    if not config.getoption("--audit-coverage"):
        return
    sensitive = config.getini("audit_sensitive")
    if not sensitive:
        raise pytest.UsageError(
            "--audit-coverage: nothing is said to be sensitive; add to pytest's configuration "
            'audit_sensitive = ["users.phone", "accounts"]: table.column, or a whole table'
        )
    config.pluginmanager.register(_Coverage(config, sensitive), "audit-coverage")


class _Coverage:
    """The part of the plugin that is there when it is asked for."""

    def __init__(self, config: pytest.Config, sensitive: Sequence[str]) -> None:
        from ._coverage import Watch

        self._root = f"{config.rootpath}/"
        self._config = config
        self._watch = Watch(sensitive, self._is_own)
        self._watched: set[str] = set()
        self._found: list[Finding] = []

    def _is_own(self, file: str) -> bool:
        return file.startswith(self._root) and "site-packages" not in file

    def _look_for_databases(self) -> None:
        from ._coverage import watch_django, watch_sqlalchemy

        for name, watch in (("sqlalchemy.engine", watch_sqlalchemy), ("django.db", watch_django)):
            if name in sys.modules and name not in self._watched:
                self._watched.add(name)
                watch(self._watch)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        self._watch.test = item.nodeid
        self._look_for_databases()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        self._look_for_databases()
        self._watch.begin_test()
        try:
            with _heard(lambda _: self._watch.record()):
                return (yield)
        finally:
            self._watch.end_test()

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        from ._coverage import is_test

        if hasattr(self._config, "workeroutput"):  # pytest-xdist's: the main process reports
            sent = [tuple(finding) for finding in self._watch.findings]
            self._config.workeroutput["audit_coverage"] = sent
            return
        self._found += self._watch.findings
        silent = (each for each in self._found if not each.audited and not is_test(each.file))
        if session.exitstatus == 0 and any(silent):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        from ._coverage import Finding

        sent = getattr(node, "workeroutput", {}).get("audit_coverage", ())
        self._found += [Finding(*each) for each in sent]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        from ._coverage import is_test

        places: dict[tuple[str, int, str, str, tuple[str, ...]], list[tuple[bool, str]]] = {}
        for file, line, statement, table, columns, audited, test in self._found:
            place = (file.removeprefix(self._root), line, statement, table, tuple(columns))
            places.setdefault(place, []).append((audited, test))
        terminalreporter.section("audit coverage")
        silent = by_tests = 0
        for (file, line, statement, table, columns), seen in sorted(places.items()):
            missed = [test for audited, test in seen if not audited]
            if is_test(file):
                by_tests += 1
                continue
            silent += bool(missed)
            word = "NOT AUDITED" if missed else "audited"
            terminalreporter.write_line(
                f"{file}:{line}: {statement} {table} ({', '.join(columns)}): {word}"
                + (f", in {missed[0]}" if missed else "")
            )
        terminalreporter.write_line(
            f"{len(places) - by_tests} places change what is sensitive, {silent} of them without an"
            f" audit record; {by_tests} more are in the tests themselves"
        )
