"""Builds a filter pattern from `when`, the simple form of a rule's condition."""

from collections.abc import Collection, Mapping
from typing import Final

from ._sentence import OPERATIONS
from .patterns import FilterPattern, Property, quoted

__all__ = ["WHEN", "kinds_of", "pattern_of"]

WHEN: Final[Mapping[str, str]] = {
    "record_types": "$.changes.record_type",
    "actions": "$.event.action",
    "outcomes": "$.event.outcome",
    "changed": "$.changes.fields",
    "actors": "$.user.id",
}
"""The keys of `when`, each a list of values, and the selector of the field that must have one of them."""


def kinds_of(when: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Return the operations that match: `creation`, `change`, `deletion`; empty for all of them.

    They are the `kinds` of `when`. Without them, `changed` means a change, not the creation or the deletion of
    a record that has the field, unless `actions` names each action in full and so decides it.
    """
    if kinds := when.get("kinds"):
        return tuple(kinds)
    named = when.get("actions", ())
    exact = named and not any(text.startswith("*") or text.endswith("*") for text in named)
    return ("change",) if when.get("changed") and not exact else ()


def pattern_of(when: Mapping[str, Collection[str]]) -> FilterPattern:
    """Return the filter pattern for which every list of `when` has at least one value that matches.

    A `*` at the beginning or the end of a value stands for any text. `changed` names fields of the
    record, with dotted paths for nested fields and without `*`. Actions that are named after another
    operation than `kinds_of` are excluded; the forwarder checks the operation of the others. Other keys are
    ignored; without any values, the pattern is empty and matches all records.

    Raises:
        FilterPatternError: the pattern is longer than 1,024 characters, or the name of a field has a `'`.
    """
    conditions = []
    for name, selector in WHEN.items():
        if texts := when.get(name):
            each = [
                f'{selector}{_steps(text)} = "*"'
                if name == "changed"
                else f"{selector} = {quoted(text)}"
                for text in texts
            ]
            conditions.append(each)
    if kinds := kinds_of(when):
        excluded = [suffix for suffix, operation in OPERATIONS if operation not in kinds]
        if excluded:
            named = " && ".join(f'$.event.action != "*-{suffix}"' for suffix in excluded)
            conditions.append(["$.event.action NOT EXISTS", named])
    alone = len(conditions) == 1
    joined = [
        " || ".join(each) if len(each) == 1 or alone else f"({' || '.join(each)})"
        for each in conditions
    ]
    return FilterPattern(f"{{ {' && '.join(joined)} }}" if joined else "")


def _steps(path: str) -> str:
    return "".join(str(Property(name)) for name in path.split("."))
