"""Defines the pytest plugin: the fixture `audit_records` and the option `--audit-coverage`."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from ._records import AuditRecords, captured, received

if TYPE_CHECKING:
    from ._coverage import SensitiveWrite

__all__ = ["audit_records", "pytest_addoption", "pytest_configure"]


class _PytestRecords(AuditRecords):
    """Audit records whose checks fail with `pytest.fail`, without a traceback."""

    def _fail(self, text: str) -> NoReturn:
        __tracebackhide__ = True
        pytest.fail(text, pytrace=False)


@pytest.fixture
def audit_records() -> Iterator[AuditRecords]:
    """Provide the audit records that the test writes, of all loggers and threads, as `AuditRecords`."""
    with captured(_PytestRecords()) as records:
        yield records


# ── --audit-coverage ───────────────────────────────────────────────────────────────────────────


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the command-line option `--audit-coverage` and the configuration setting `audit_sensitive`."""
    parser.getgroup("audit").addoption(
        "--audit-coverage",
        action="store_true",
        help="report each place that changes sensitive columns without an audit record",
    )
    parser.addini(
        "audit_sensitive",
        "sensitive columns for --audit-coverage: table.column, or table for all of its columns",
        type="linelist",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the hooks of `--audit-coverage` if the option is given.

    Raises:
        pytest.UsageError: the setting `audit_sensitive` is empty.
    """
    if not config.getoption("--audit-coverage"):
        return
    sensitive = config.getini("audit_sensitive")
    if not sensitive:
        raise pytest.UsageError(
            "--audit-coverage: found no sensitive columns; add to pytest's configuration "
            'audit_sensitive = ["users.phone", "accounts"]: table.column, or a whole table'
        )
    config.pluginmanager.register(_Coverage(config, sensitive), "audit-coverage")


class _Coverage:
    """The pytest hooks of `--audit-coverage`: observe tests, print the report, fail the session."""

    def __init__(self, config: pytest.Config, sensitive: Sequence[str]) -> None:
        from ._coverage import CoverageWatch

        self._root = f"{config.rootpath}/"
        self._config = config
        self._watch = CoverageWatch(sensitive, self._is_own)
        self._watched: set[str] = set()
        self._found: list[SensitiveWrite] = []

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
            with received(lambda _: self._watch.record()):
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
        unaudited = (each for each in self._found if not each.audited and not is_test(each.file))
        if session.exitstatus == 0 and any(unaudited):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        from ._coverage import SensitiveWrite

        sent = getattr(node, "workeroutput", {}).get("audit_coverage", ())
        self._found += [SensitiveWrite(*each) for each in sent]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        from ._coverage import is_test

        places: dict[tuple[str, int, str, str, tuple[str, ...]], list[tuple[bool, str]]] = {}
        for file, line, statement, table, columns, audited, test in self._found:
            place = (file.removeprefix(self._root), line, statement, table, tuple(columns))
            places.setdefault(place, []).append((audited, test))
        terminalreporter.section("audit coverage")
        unaudited = by_tests = 0
        for (file, line, statement, table, columns), seen in sorted(places.items()):
            missed = [test for audited, test in seen if not audited]
            if is_test(file):
                by_tests += 1
                continue
            unaudited += bool(missed)
            status = "NOT AUDITED" if missed else "audited"
            terminalreporter.write_line(
                f"{file}:{line}: {statement} {table} ({', '.join(columns)}): {status}"
                + (f", in {missed[0]}" if missed else "")
            )
        terminalreporter.write_line(
            f"{len(places) - by_tests} places change sensitive columns, {unaudited} of them without an"
            f" audit record; {by_tests} more are in the tests themselves"
        )
