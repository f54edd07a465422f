"""The friendly form of a rule's condition, and the filter pattern that it makes."""

from collections.abc import Iterable, Mapping
from typing import Final

from .patterns import FilterPattern, Property, quoted

__all__ = ["WHEN", "pattern_of"]

WHEN: Final[Mapping[str, str]] = {
    "record_types": "$.changes.record_type",
    "actions": "$.event.action",
    "outcomes": "$.event.outcome",
    "changed": "$.changes.fields",
    "actors": "$.user.id",
}
"""What a `when` may name, each as texts of which one has to be there, and the field it is about."""


def pattern_of(when: Mapping[str, Iterable[str]]) -> FilterPattern:
    """Make the pattern: one of each list, all lists together.

    A `*` at the beginning or the end of a text stands for any text. `changed` names fields of the
    record, dotted where they are nested.

    Raises:
        FilterPatternError: it is longer than CloudWatch takes.
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
    alone = len(conditions) == 1
    joined = [
        " || ".join(each) if len(each) == 1 or alone else f"({' || '.join(each)})"
        for each in conditions
    ]
    return FilterPattern(f"{{ {' && '.join(joined)} }}" if joined else "")


def _steps(path: str) -> str:
    return "".join(str(Property(name)) for name in path.split("."))
