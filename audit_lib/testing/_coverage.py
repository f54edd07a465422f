"""Finds places that change sensitive columns, audited or not, for `pytest --audit-coverage`.

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
    """A change of sensitive columns by a statement of a test run.

    Attributes:
        file: the file of the innermost frame of the team's code.
        line: its line.
        statement: the verb of the SQL statement, such as `UPDATE`.
        table: the table.
        columns: the sensitive columns that were changed; `*` if the statement does not name columns.
        audited: whether the transaction is audited.
        test: the node id of the test.
    """

    file: str
    line: int
    statement: str
    table: str
    columns: tuple[str, ...]
    audited: bool
    test: str


class _Thread:
    """The changes and audit records of one thread: open, committed but not assigned, and counted."""

    __slots__ = ("open", "pending", "records")

    def __init__(self) -> None:
        self.open: dict[int, list[tuple[str, SensitiveWrite | None]]] = {}
        self.pending: list[SensitiveWrite] = []
        self.records = 0


class CoverageWatch:
    """Assigns the audit records of a test run to the transactions that change sensitive columns.

    `findings` has the result. Each thread is observed by itself.
    """

    def __init__(self, sensitive: Iterable[str], is_own: Callable[[str], bool]) -> None:
        """Create a watch without findings.

        Args:
            sensitive: names in the form `table.column`, or `table` for all of its columns.
            is_own: returns whether a file is the team's code; only statements from such files count.
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
        """Assign an audit record to the committed transaction of this thread, or else to the next one."""
        thread = self._current_thread()
        in_one = any(finding for done in thread.open.values() for _, finding in done)
        if thread.pending and not in_one:
            self._settle(thread, audited=True)
        else:
            thread.records += 1

    def statement(self, connection: int, sql: str) -> None:
        """Note a statement that changes sensitive columns, until its transaction ends.

        A change by a file of tests becomes a finding at once, not audited. A statement without a frame of
        the team's code is ignored.

        Args:
            connection: the id of the connection.
            sql: the statement.
        """
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
        """Note a savepoint, unless no frame of the team's code sets it, as around a test."""
        if self._place()[0]:
            self._current_thread().open.setdefault(connection, []).append((name, None))

    def rolled_back(self, connection: int, savepoint: str = "") -> None:
        """Discard the changes of a transaction, or its changes since a savepoint; for an unknown one, all."""
        done = self._current_thread().open.get(connection, [])
        names = [name for name, _ in done]
        del done[names.index(savepoint) if savepoint in names and savepoint else 0 :]

    def has_savepoint(self, connection: int) -> bool:
        """Return whether this thread has an open savepoint on a connection."""
        return any(
            finding is None for _, finding in self._current_thread().open.get(connection, ())
        )

    def released(self, connection: int, savepoint: str) -> None:
        """Treat the release of the outermost savepoint as a commit, as in a test that is one transaction."""
        done = self._current_thread().open.get(connection, [])
        names = [name for name, finding in done if finding is None]
        if names and names[0] == savepoint:
            self.committed(connection)

    def committed(self, connection: int, *, in_transaction: bool = True) -> None:
        """Assign the audit records of this thread to the changes that a commit ends.

        Changes without a record wait for a record that follows immediately.

        Args:
            connection: the id of the connection.
            in_transaction: whether it ends a transaction, so that changes which still wait are not
                audited; False for a statement in autocommit mode.
        """
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
        """Begin a test: discard the changes of its setup that are not in `findings` yet, and its records."""
        self._threads.clear()

    def end_test(self) -> None:
        """End a test: add its changes to `findings`, uncommitted changes too.

        All remaining changes of a thread are audited if the thread wrote a record that is not assigned.
        """
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
    """Return whether a file is named `test_*`, `*_test.py` or `conftest.py`."""
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
    """Return the SQL verb, table and columns that a statement changes, names in lower case.

    The columns are `("*",)` if all columns change or the statement does not name them. Return None for
    any statement but INSERT, REPLACE (returned as INSERT), UPDATE, DELETE, TRUNCATE and MERGE.
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
    """Yield the columns of a SET clause such as `a = 1, b = f(x, y) WHERE …`: the names before `=`."""
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
    """Report the statements, commits, rollbacks and savepoints of all SQLAlchemy engines to a watch."""
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
    """Report the statements, commits, rollbacks and savepoints of all Django connections to a watch.

    Connections that are open already are included.
    """
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
