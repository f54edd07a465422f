"""`FilterPattern`: what the rest of the project sees of filter patterns."""

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
    """A pattern that was read, of whichever form."""

    @property
    def regexes(self) -> int:
        """How many regular expressions it holds."""

    def selects(self, event: LogEvent) -> bool:
        """Whether CloudWatch would select the event. Never raises."""

    def extracted(self, event: LogEvent) -> dict[str, str]:
        """Give the values that it names."""


@dataclass(frozen=True, slots=True)
class FilterPattern:
    """A CloudWatch Logs filter pattern: JSON, space-delimited fields, or terms. Empty matches all.

    Two patterns are equal when their texts are.

    Raises:
        FilterPatternError: CloudWatch would refuse the text.
    """

    text: str
    _form: Form | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_form", _read(self.text))

    @property
    def is_json(self) -> bool:
        """Whether it is of the JSON form, the only one that can look into an audit record."""
        return isinstance(self._form, Parsed)

    @property
    def condition(self) -> Condition | None:
        """What a pattern of the JSON form says of a record; None for the other forms."""
        return self._form.condition if isinstance(self._form, Parsed) else None

    @property
    def regexes(self) -> int:
        """How many `%regex%` it holds; a log group takes five patterns with any."""
        return self._form.regexes if self._form else 0

    @staticmethod
    def read(message: str | LogEvent) -> LogEvent:
        """Give a message that many patterns look at, and that is read once. Never raises."""
        return LogEvent(message) if isinstance(message, str) else message

    def matches(self, message: str | LogEvent) -> bool:
        """Whether CloudWatch would select this log message. Never raises."""
        return self._form is None or self._form.selects(self.read(message))

    def extract(self, message: str | LogEvent) -> dict[str, str] | None:
        """Give what `TestMetricFilter` calls `extractedValues`; None, if it does not match.

        The fields of the space-delimited form by name or position (`$ip`, `$3`), the values that
        the selectors of the JSON form find (`$.event.action`), nothing for terms.
        """
        event = self.read(message)
        if not self.matches(event):
            return None
        return self._form.extracted(event) if self._form else {}


def _read(text: str) -> Form | None:
    if len(text) > MAX_LENGTH:
        reason = f"a pattern has at most {MAX_LENGTH} characters, not {len(text)}"
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
"""What makes a log line an audit record: its logger's name ends in `.audit`."""
