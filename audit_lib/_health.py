"""Reports whether the audit records of this process arrive, for a readiness probe."""

import os
from typing import TypedDict

from ._configuration import get_config
from ._output.handler import waiting_records
from ._output.spool_names import spools_of
from ._output.tally import Instead, LastFailure, tally

__all__ = ["Health", "LastFailure", "health"]


class Health(TypedDict):
    """What `health` returns; it can be written as JSON.

    Attributes:
        ok: whether each destination accepted its last record, is not retrying a call at the moment, and
            no spool contains records.
        last_written: the `@timestamp` of the record that was accepted last by a destination of this
            process, None before the first.
        queued: how many records wait in memory in `audit_lib.destinations`, those that are being sent too.
        spools: the size in bytes of each spool that is not empty, by its path. A name that ends in
            `.refused` has records that the service will never accept.
        failures: how many records were spooled, written to standard error or raised instead.
        last_failure: the last of these failures, or the last error after which a call is retried; None
            if there was none.
    """

    ok: bool
    last_written: str | None
    queued: int
    spools: dict[str, int]
    failures: dict[Instead, int]
    last_failure: LastFailure | None


def health() -> Health:
    """Return what happened to the audit records of this process, without writing one.

    The counts begin with the process: a forked process has its own. Spools are shared by all processes
    that are configured with the same path.
    """
    spools = _spools()
    return Health(
        ok=not (spools or tally.failing),
        last_written=tally.last_written,
        queued=waiting_records(),
        spools=spools,
        failures=tally.counts.copy(),
        last_failure=tally.last_failure,
    )


def _spools() -> dict[str, int]:
    path = get_config().spool
    found: dict[str, int] = {}
    for name in () if path is None else spools_of(path):
        try:
            size = os.stat(name).st_size  # noqa: PTH116 - as quick as possible
        except OSError:
            continue
        if size:
            found[name] = size
    return found
