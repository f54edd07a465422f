"""`pytest --audit-coverage`: places that change sensitive columns, and whether they are audited.

It watches the statements that SQLAlchemy and Django send. A transaction is audited when its thread wrote
an audit record in it, or right before or after it, that no other transaction was audited by.
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
    """A place that changed sensitive columns: file and line, what it did, and in which test."""

    file: str
    line: int
    statement: str
    table: str
    columns: tuple[str, ...]
    audited: bool
    test: str


class _Thread:
    """What one thread did since its last transaction."""

    __slots__ = ("open", "pending", "records")

    def __init__(self) -> None:
        self.open: dict[int, list[tuple[str, SensitiveWrite | None]]] = {}
        self.pending: list[SensitiveWrite] = []
        self.records = 0


class CoverageWatch:
    """What was seen in a run of tests."""

    def __init__(self, sensitive: Iterable[str], is_own: Callable[[str], bool]) -> None:
        """Begin.

        Args:
            sensitive: `table.column`, or `table` for all of its columns.
            is_own: whether a file is the team's own, which is where a place is named.
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

    def _here(self) -> _Thread:
        return self._threads.setdefault(get_ident(), _Thread())

    def record(self) -> None:
        """Take note of an audit record."""
        here = self._here()
        in_one = any(finding for done in here.open.values() for _, finding in done)
        if here.pending and not in_one:
            self._settle(here, audited=True)
        else:
            here.records += 1

    def statement(self, connection: int, sql: str) -> None:
        """Take note of a statement."""
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
            if not file:  # a test framework's own, such as emptying a table
                return
            finding = SensitiveWrite(
                file, line, kind, table, touched, audited=False, test=self.test
            )
            if is_test(file):  # it prepares something, and audits nothing
                self.findings.append(finding)
                return
            self._here().open.setdefault(connection, []).append(("", finding))

    def savepoint(self, connection: int, name: str) -> None:
        """A savepoint was set; those that a test framework sets around a test are none."""
        if self._place()[0]:
            self._here().open.setdefault(connection, []).append((name, None))

    def rolled_back(self, connection: int, savepoint: str = "") -> None:
        """A transaction, or what followed a savepoint of it, did not happen."""
        done = self._here().open.get(connection, [])
        names = [name for name, _ in done]
        del done[names.index(savepoint) if savepoint in names and savepoint else 0 :]

    def has_savepoint(self, connection: int) -> bool:
        """Whether a savepoint is set."""
        return any(finding is None for _, finding in self._here().open.get(connection, ()))

    def released(self, connection: int, savepoint: str) -> None:
        """A savepoint was let go: inside a test's own transaction, that is what a commit is."""
        done = self._here().open.get(connection, [])
        names = [name for name, finding in done if finding is None]
        if names and names[0] == savepoint:
            self.committed(connection)

    def committed(self, connection: int, *, of_its_own: bool = True) -> None:
        """A transaction happened; one statement without any, where it is not `of_its_own`."""
        here = self._here()
        changes = [finding for _, finding in here.open.pop(connection, []) if finding]
        if not changes:
            return
        if of_its_own:
            self._settle(here, audited=False)
        here.pending += changes
        if here.records:
            self._settle(here, audited=True)

    def begin_test(self) -> None:
        """A test begins: what was done to prepare it does not count."""
        self._threads.clear()

    def end_test(self) -> None:
        """A test is over: what it changed without a transaction of its own counts as well."""
        for here in self._threads.values():
            for connection in list(here.open):
                changes = [finding for _, finding in here.open.pop(connection) if finding]
                here.pending += changes
            self._settle(here, audited=here.records > 0)
        self._threads.clear()

    def _settle(self, here: _Thread, *, audited: bool) -> None:
        self.findings += [finding._replace(audited=audited) for finding in here.pending]
        here.pending = []
        if audited:
            here.records = 0

    def _place(self) -> tuple[str, int]:
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - where the statement comes from
        while frame is not None:
            if self._is_own(frame.f_code.co_filename):
                return frame.f_code.co_filename, frame.f_lineno
            frame = frame.f_back
        return "", 0


def is_test(file: str) -> bool:
    """Whether a file holds tests, by its name."""
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
_WHOLE: Final = re.compile(
    rf"(DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?|MERGE\s+INTO)\s+(?:ONLY\s+)?{_NAME}", re.IGNORECASE
)
_END: Final = re.compile(r"\b(?:WHERE|FROM|RETURNING)\b", re.IGNORECASE)


def changed_columns(sql: str) -> tuple[str, str, tuple[str, ...]] | None:
    """Say what a statement changes: what it does, the table, the columns; None when it reads.

    The columns are `*` where all of them change, or where the statement does not say.
    """
    begin = _BEFORE.match(sql)
    text = sql[begin.end() if begin else 0 :]
    if common := _WITH.match(text):
        text = text[common.end() :]
    if found := _INSERT.match(text):
        columns = tuple(_bare(name) for name in (found[2] or "*").split(","))
        return "INSERT", _bare(found[1]), columns
    if found := _UPDATE.match(text):
        return "UPDATE", _bare(found[1]), tuple(_assigned(found[2]))
    if found := _WHOLE.match(text):
        return found[1].split()[0].upper(), _bare(found[2]), ("*",)
    return None


def _bare(name: str) -> str:
    return re.sub(r'["`\[\]\s]', "", name).lower()


def _assigned(text: str) -> Iterable[str]:
    """Return the columns of `a = 1, b = f(x, y) WHERE …`: what stands before each `=` of the list."""
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
            depth == 0 and letter.isalpha() and not text[at - 1].isalnum() and _END.match(text, at)
        ):
            break
        part += letter
    for each in [*parts, part]:
        yield _bare(each.partition("=")[0]).rpartition(".")[2]


def watch_sqlalchemy(watch: CoverageWatch) -> None:
    """Watch all engines, also those of asynchronous sessions."""
    from sqlalchemy import event  # noqa: PLC0415 - where it is there
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
    """Watch all connections, those that are open already too."""
    from django.db import connections  # noqa: PLC0415 - where it is there
    from django.db.backends.signals import connection_created  # noqa: PLC0415

    def watched(connection: Any) -> None:
        known = id(connection)

        def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if found := _SAVEPOINT.match(sql):
                tell = {"RO": watch.rolled_back, "RE": watch.released}
                tell.get(found[1][:2].upper(), watch.savepoint)(known, found[2])
            else:
                watch.statement(known, sql)
            answer = run(sql, params, many, context)
            around_a_test = connection.savepoint_ids and not watch.has_savepoint(known)
            if around_a_test or not connection.in_atomic_block:
                watch.committed(known, of_its_own=False)
            return answer

        def telling(method: Callable[[], None], tell: Callable[[int], None]) -> Callable[[], None]:
            def told() -> None:
                method()
                tell(known)

            return told

        connection.execute_wrappers.append(execute)
        connection.commit = telling(connection.commit, watch.committed)
        connection.rollback = telling(connection.rollback, watch.rolled_back)

    connection_created.connect(
        lambda connection, **_: watched(connection), weak=False, dispatch_uid="audit_lib.coverage"
    )
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None:
            watched(connection)
