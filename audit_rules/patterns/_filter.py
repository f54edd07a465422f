"""Parses a CloudWatch Logs filter pattern of any form, and matches log messages against it."""

from dataclasses import dataclass, field
from typing import Final, Protocol

from audit_rules._exceptions import FilterPatternError

from ._conditions import Condition
from ._event import LogEvent
from ._fields import parse_fields
from ._limits import MAX_LENGTH
from ._parser import Parsed, parse
from ._terms import parse_terms


class Form(Protocol):
    """A parsed filter pattern: JSON, space-delimited fields, or terms."""

    @property
    def regexes(self) -> int:
        """The number of regular expressions in the pattern."""

    def selects(self, event: LogEvent) -> bool:
        """Return whether CloudWatch would select the event. Never raises."""

    def extracted(self, event: LogEvent) -> dict[str, str]:
        """Return the values that the pattern extracts from an event that it selects."""


@dataclass(frozen=True, slots=True)
class FilterPattern:
    """A CloudWatch Logs filter pattern: JSON, space-delimited fields, or terms.

    An empty pattern matches all messages. Two patterns are equal if their texts are equal.

    Raises:
        FilterPatternError: CloudWatch would reject the pattern, for example because it is longer than 1,024
            characters, or it has syntax that is not supported here (`EXISTS`).
    """

    text: str
    _form: Form | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_form", _read(self.text))

    @property
    def is_json(self) -> bool:
        """Whether the pattern has the JSON form, which alone can compare the fields of an audit record."""
        return isinstance(self._form, Parsed)

    @property
    def condition(self) -> Condition | None:
        """The condition of a pattern in the JSON form; None for the other forms."""
        return self._form.condition if isinstance(self._form, Parsed) else None

    @property
    def regexes(self) -> int:
        """The number of `%regex%` in the pattern, at most 2; a log group can have 5 patterns with any."""
        return self._form.regexes if self._form else 0

    @staticmethod
    def read(message: str | LogEvent) -> LogEvent:
        """Return a message as a `LogEvent`, which is parsed only once for several patterns. Never raises."""
        return LogEvent(message) if isinstance(message, str) else message

    def matches(self, message: str | LogEvent) -> bool:
        """Return whether CloudWatch would select the log message. Never raises."""
        return self._form is None or self._form.selects(self.read(message))

    def extract(self, message: str | LogEvent) -> dict[str, str] | None:
        """Return the `extractedValues` of `TestMetricFilter`, or None if the message does not match.

        For the space-delimited form these are the fields by name or position (`$ip`, `$3`), for the
        JSON form the values of the selectors (`$.event.action`); for terms there are none.
        """
        event = self.read(message)
        if not self.matches(event):
            return None
        return self._form.extracted(event) if self._form else {}


def _read(text: str) -> Form | None:
    if len(text) > MAX_LENGTH:
        reason = f"found {len(text)} characters; a pattern can have at most {MAX_LENGTH}"
        raise FilterPatternError(text, MAX_LENGTH + 1, reason)
    match text.strip()[:1]:
        case "":
            return None
        case "{":
            return parse(text)
        case "[":
            return parse_fields(text)
        case _:
            return parse_terms(text)


AUDIT_PATTERN: Final = FilterPattern('{ $.log.logger = "*.audit" }')
"""Selects audit records: log lines whose logger name ends with `.audit`."""
