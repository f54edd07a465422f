"""What the ORM adapters have in common: which models, how a value is taken, who asked for it."""

import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from audit_lib._logger import AuditLogger
from audit_lib._masking import Guarded, annotated_rules
from audit_lib._plain import plain, text_of

__all__ = ["AuditedModel", "equal", "record_id", "stacklevel", "written"]


class AuditedModel(NamedTuple):
    """How a model is audited."""

    logger: AuditLogger
    record_type: str
    left_out: frozenset[str]


def stacklevel(*packages: str) -> int:
    """Find the code that asked: the first frame that is in none of these packages, nor ours.

    Gives it as `logging` counts: 1 is the caller of this function.
    """
    frame, level = sys._getframe(1), 1  # noqa: SLF001 - as `logging` does it
    while frame.f_back is not None:
        frame, level = frame.f_back, level + 1
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in packages and package != "audit_lib":
            return level
    return 1


def record_id(key: Iterable[Any]) -> str:
    """Give a primary key as one text."""
    return "/".join(text_of(part) for part in key)


def written(cls: type, name: str, value: Any) -> Any:
    """Take a value as it is now, guarded where the class calls it sensitive."""
    rule = annotated_rules(cls).get(name)
    return plain(value) if rule is None else Guarded(plain(value), rule)


def equal(old: Any, new: Any) -> bool:
    """Whether two plain values are one; `True` and `1` are two."""
    return bool(old == new) and isinstance(old, bool) is isinstance(new, bool)
