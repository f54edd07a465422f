"""Evaluates metric filters: the value and the dimensions that a log event adds to a metric."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from audit_rules._exceptions import FilterPatternError

from ._conditions import TextComparison
from ._event import LogEvent
from ._filter import FilterPattern
from ._values import decimal_of, shown

__all__ = ["MetricFilter"]

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_MetricTransformation.html
_MAX_DIMENSIONS: Final = 3
_BARE_NAME: Final = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class MetricFilter:
    """A metric filter: a filter pattern, and the value and dimensions that a matching log event publishes.

    `value` is a number or a reference to a field: `$.changes.after.amount` with a JSON pattern, `$bytes`
    or `$7` with space-delimited fields. `dimensions` maps at most 3 names to such references.
    `default` is the default value of the metric; it cannot be combined with dimensions.

    Raises:
        FilterPatternError: CloudWatch would reject the metric filter; `text` is the invalid part.
    """

    pattern: FilterPattern
    value: str = "1"
    dimensions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    default: float | None = None
    _references: Mapping[str, FilterPattern] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.dimensions and self.default is not None:
            found = next(iter(self.dimensions))
            raise FilterPatternError(
                found,
                1,
                f"found the default value {self.default} with dimensions, which CloudWatch does not"
                " allow; remove the default value or the dimensions",
            )
        if len(self.dimensions) > _MAX_DIMENSIONS:
            found = list(self.dimensions)[_MAX_DIMENSIONS]
            raise FilterPatternError(
                found,
                1,
                f"found {len(self.dimensions)} dimensions; a metric can have at most"
                f" {_MAX_DIMENSIONS}",
            )
        references = {}
        for text in (self.value, *self.dimensions.values()):
            if text is self.value and decimal_of(text) is not None:
                continue
            references[text] = self._reference(text)
        object.__setattr__(self, "_references", references)

    def point(self, message: str | LogEvent) -> tuple[float, dict[str, str]] | None:
        """Return the value and the dimensions that a message publishes, or None.

        A message publishes nothing if the pattern does not match, if a referenced field is missing, or if
        the value is not a number; a string that contains a number is a number. The
        default value is never returned.
        """
        event = FilterPattern.read(message)
        if not self.pattern.matches(event):
            return None
        found = self._read(self.value, event) if self.value in self._references else self.value
        dimensions = {name: self._read(text, event) for name, text in self.dimensions.items()}
        value = decimal_of(found) if found is not None else None
        if value is None or None in dimensions.values():
            return None
        return float(value), {name: text for name, text in dimensions.items() if text is not None}

    def _reference(self, text: str) -> FilterPattern:
        """Return the pattern that extracts a field: for JSON `{ field = * }`, else the filter pattern."""
        if self.pattern.is_json:
            if not text.startswith("$."):
                raise FilterPatternError(
                    text, 1, f"found {shown(text)}; write a number or a field: {_field(text, '$.')}"
                )
            pattern = FilterPattern(f"{{ {text} = * }}")
            if not isinstance(pattern.condition, TextComparison) or "*" in text:
                reason = f"found {shown(text)}; a value must refer to one field, without [*] or .*"
                raise FilterPatternError(text, 1, reason)
            return pattern
        if not self.pattern.text.lstrip().startswith("["):
            reason = (
                f"found {shown(text)}, but a pattern of terms has no fields; write a number as the"
                " value and no dimensions"
            )
            raise FilterPatternError(text, 1, reason)
        if not re.fullmatch(r"\$[A-Za-z0-9_]+", text):
            reason = f"found {shown(text)}; write a number or a field: {_field(text, '$')}"
            raise FilterPatternError(text, 1, reason)
        return self.pattern

    def _read(self, text: str, event: LogEvent) -> str | None:
        return (self._references[text].extract(event) or {}).get(text)


def _field(text: str, prefix: str) -> str:
    """Return the reference that was probably meant, or else an example of one."""
    name = text.lstrip("$.")
    return f"{prefix}{name if _BARE_NAME.fullmatch(name) else 'latency'}"
