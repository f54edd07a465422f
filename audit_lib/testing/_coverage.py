"""`pytest --audit-coverage`: places that change sensitive columns, and whether they are audited.

It observes the statements that SQLAlchemy and Django send. A transaction is audited if its thread wrote
an audit record in it, or immediately before or after it. Each record counts for one transaction.
"""

import re
import sys
from collections.abc import Callable, Iterable
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from types import FrameType

__all__ = [
    "CoverageWatch",
    "SensitiveWrite",
    "changed_columns",
    "is_test",
    "watch_django",
    "watch_sqlalchemy",
]


class SensitiveWrite(NamedTuple):
    """A place that changed sensitive columns: file, line, statement, and the test that ran it."""

    file: str
    line: int
    statement: str
    table: str
    columns: tuple[str, ...]
    audited: bool
    test: str


class _Thread:
    """The state of one thread since its last transaction."""

    __slots__ = ("open", "pending", "records")

    def __init__(self) -> None:
        self.open: dict[int, list[tuple[str, SensitiveWrite | None]]] = {}
        self.pending: list[SensitiveWrite] = []
        self.records = 0


class CoverageWatch:
    """The statements and audit records of a test run."""

    def __init__(self, sensitive: Iterable[str], is_own: Callable[[str], bool]) -> None:
        """Begin without findings.

        Args:
            sensitive: `table.column`, or `table` for all of its columns.
            is_own: returns whether a file is the team's code; a finding names such a place.
        """
        self._tables: dict[str, set[str]] = {}
        for name in sensitive:
            table, _, column = name.strip().lower().rpartition(".")
            self._tables.setdefault(table or column, set()).update({column} if table else ())
            if not table:
                self._tables[column].add("*")
        self._is_own = is_own
        self._threads: dict[int, _Thread] = {}
        self.findings: list[SensitiveWrite] = []
        self.test = ""

    def _current_thread(self) -> _Thread:
        return self._threads.setdefault(get_ident(), _Thread())

    def record(self) -> None:
        """Count an audit record."""
        thread = self._current_thread()
        in_one = any(finding for done in thread.open.values() for _, finding in done)
        if thread.pending and not in_one:
            self._settle(thread, audited=True)
        else:
            thread.records += 1

    def statement(self, connection: int, sql: str) -> None:
        """Add a finding if a statement changes sensitive columns."""
        found = changed_columns(sql)
        if found is None:
            return
        kind, table, columns = found
        sensitive = self._tables.get(table) or self._tables.get(table.rpartition(".")[2])
        if not sensitive:
            return
        touched = tuple(
            sorted(columns if "*" in sensitive or "*" in columns else sensitive & set(columns))
        )
        if touched:
            file, line = self._place()
            if not file:  # from a test framework, such as emptying a table
                return
            finding = SensitiveWrite(
                file, line, kind, table, touched, audited=False, test=self.test
            )
            if is_test(file):  # a test prepares data, which needs no audit record
                self.findings.append(finding)
                return
            self._current_thread().open.setdefault(connection, []).append(("", finding))

    def savepoint(self, connection: int, name: str) -> None:
        """Note a savepoint, unless a test framework sets it around a test."""
        if self._place()[0]:
            self._current_thread().open.setdefault(connection, []).append((name, None))

    def rolled_back(self, connection: int, savepoint: str = "") -> None:
        """Discard a transaction, or the part of it after a savepoint."""
        done = self._current_thread().open.get(connection, [])
        names = [name for name, _ in done]
        del done[names.index(savepoint) if savepoint in names and savepoint else 0 :]

    def has_savepoint(self, connection: int) -> bool:
        """Return whether a savepoint is set."""
        return any(
            finding is None for _, finding in self._current_thread().open.get(connection, ())
        )

    def released(self, connection: int, savepoint: str) -> None:
        """Note the release of a savepoint, which is the commit inside the transaction of a test."""
        done = self._current_thread().open.get(connection, [])
        names = [name for name, finding in done if finding is None]
        if names and names[0] == savepoint:
            self.committed(connection)

    def committed(self, connection: int, *, in_transaction: bool = True) -> None:
        """Note a commit; without `in_transaction`, that of a single statement."""
        thread = self._current_thread()
        changes = [finding for _, finding in thread.open.pop(connection, []) if finding]
        if not changes:
            return
        if in_transaction:
            self._settle(thread, audited=False)
        thread.pending += changes
        if thread.records:
            self._settle(thread, audited=True)

    def begin_test(self) -> None:
        """Begin a test; statements of its setup do not count."""
        self._threads.clear()

    def end_test(self) -> None:
        """End a test; its changes without a commit count as well."""
        for thread in self._threads.values():
            for connection in list(thread.open):
                changes = [finding for _, finding in thread.open.pop(connection) if finding]
                thread.pending += changes
            self._settle(thread, audited=thread.records > 0)
        self._threads.clear()

    def _settle(self, thread: _Thread, *, audited: bool) -> None:
        self.findings += [finding._replace(audited=audited) for finding in thread.pending]
        thread.pending = []
        if audited:
            thread.records = 0

    def _place(self) -> tuple[str, int]:
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - where the statement comes from
        while frame is not None:
            if self._is_own(frame.f_code.co_filename):
                return frame.f_code.co_filename, frame.f_lineno
            frame = frame.f_back
        return "", 0


def is_test(file: str) -> bool:
    """Return whether a file has tests, by its name."""
    name = file.rpartition("/")[2]
    return name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"


_NAME: Final = r"""((?:["`\[]?\w+["`\]]?\.)*["`\[]?\w+["`\]]?)"""
_BEFORE: Final = re.compile(r"(?:\s+|--[^\n]*\n|/\*.*?\*/)*", re.DOTALL)
_WITH: Final = re.compile(
    r"WITH\b.*?\)\s*(?=(?:INSERT|UPDATE|DELETE|MERGE)\b)", re.DOTALL | re.IGNORECASE
)
_INSERT: Final = re.compile(
    rf"(?:INSERT|REPLACE)\s+(?:OR\s+\w+\s+|IGNORE\s+)?INTO\s+{_NAME}\s*(?:\(([^)]*)\))?",
    re.IGNORECASE,
)
_UPDATE: Final = re.compile(
    rf"UPDATE\s+(?:OR\s+\w+\s+|ONLY\s+)?{_NAME}\s+(?:(?:AS\s+)?(?!SET\b)\w+\s+)?SET\s+(.*)",
    re.DOTALL | re.IGNORECASE,
)
_WHOLE_TABLE: Final = re.compile(
    rf"(DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?|MERGE\s+INTO)\s+(?:ONLY\s+)?{_NAME}", re.IGNORECASE
)
_END_OF_LIST: Final = re.compile(r"\b(?:WHERE|FROM|RETURNING)\b", re.IGNORECASE)


def changed_columns(sql: str) -> tuple[str, str, tuple[str, ...]] | None:
    """Return the verb, table and columns that a statement changes; None if it only reads.

    The columns are `*` if all of them change or if the statement does not name them.
    """
    begin = _BEFORE.match(sql)
    text = sql[begin.end() if begin else 0 :]
    if common := _WITH.match(text):
        text = text[common.end() :]
    if found := _INSERT.match(text):
        columns = tuple(_normalized_name(name) for name in (found[2] or "*").split(","))
        return "INSERT", _normalized_name(found[1]), columns
    if found := _UPDATE.match(text):
        return "UPDATE", _normalized_name(found[1]), tuple(_assigned(found[2]))
    if found := _WHOLE_TABLE.match(text):
        return found[1].split()[0].upper(), _normalized_name(found[2]), ("*",)
    return None


def _normalized_name(name: str) -> str:
    return re.sub(r'["`\[\]\s]', "", name).lower()


def _assigned(text: str) -> Iterable[str]:
    """Return the columns of `a = 1, b = f(x, y) WHERE …`: the names before each `=` of the list."""
    depth, quoted, part, parts = 0, "", "", []
    for at, letter in enumerate(text):
        if quoted:
            quoted = "" if letter == quoted else quoted
        elif letter == "'":
            quoted = letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif depth == 0 and letter == ",":
            parts.append(part)
            part = ""
            continue
        elif (
            depth == 0
            and letter.isalpha()
            and not text[at - 1].isalnum()
            and _END_OF_LIST.match(text, at)
        ):
            break
        part += letter
    for each in [*parts, part]:
        yield _normalized_name(each.partition("=")[0]).rpartition(".")[2]


def watch_sqlalchemy(watch: CoverageWatch) -> None:
    """Observe all engines, including those of asynchronous sessions."""
    from sqlalchemy import event  # noqa: PLC0415 - only if it is installed
    from sqlalchemy.engine import Engine  # noqa: PLC0415

    def execute(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        watch.statement(id(connection), statement)

    event.listen(Engine, "before_cursor_execute", execute)
    event.listen(Engine, "commit", lambda connection: watch.committed(id(connection)))
    event.listen(Engine, "rollback", lambda connection: watch.rolled_back(id(connection)))
    event.listen(
        Engine, "savepoint", lambda connection, name: watch.savepoint(id(connection), name)
    )
    event.listen(
        Engine,
        "rollback_savepoint",
        lambda connection, name, _context: watch.rolled_back(id(connection), name),
    )


_SAVEPOINT: Final = re.compile(r"""(ROLLBACK TO |RELEASE |)SAVEPOINT ["`\[]?(\w+)""", re.IGNORECASE)


def watch_django(watch: CoverageWatch) -> None:
    """Observe all connections, including those that are open already."""
    from django.db import connections  # noqa: PLC0415 - only if it is installed
    from django.db.backends.signals import connection_created  # noqa: PLC0415

    def observe(connection: Any) -> None:
        connection_id = id(connection)

        def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if found := _SAVEPOINT.match(sql):
                notify = {"RO": watch.rolled_back, "RE": watch.released}
                notify.get(found[1][:2].upper(), watch.savepoint)(connection_id, found[2])
            else:
                watch.statement(connection_id, sql)
            answer = run(sql, params, many, context)
            around_a_test = connection.savepoint_ids and not watch.has_savepoint(connection_id)
            if around_a_test or not connection.in_atomic_block:
                watch.committed(connection_id, in_transaction=False)
            return answer

        def notifying(
            method: Callable[[], None], notify: Callable[[int], None]
        ) -> Callable[[], None]:
            def wrapper() -> None:
                method()
                notify(connection_id)

            return wrapper

        connection.execute_wrappers.append(execute)
        connection.commit = notifying(connection.commit, watch.committed)
        connection.rollback = notifying(connection.rollback, watch.rolled_back)

    connection_created.connect(
        lambda connection, **_: observe(connection), weak=False, dispatch_uid="audit_lib.coverage"
    )
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None:
            observe(connection)
