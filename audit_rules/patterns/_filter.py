"""`FilterPattern`: what the rest of the project sees of filter patterns."""

from dataclasses import dataclass, field
from typing import Final

from ._event import JsonEvent, read_event
from ._parser import Parsed, parse


@dataclass(frozen=True, slots=True)
class FilterPattern:
    """A CloudWatch Logs filter pattern of the JSON form, or the empty one that matches all.

    Two patterns are equal when their texts are.

    Raises:
        FilterPatternError: CloudWatch would refuse the text, or it has a form (terms,
            space-delimited) that is not supported here.
    """

    text: str
    _parsed: Parsed | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_parsed", parse(self.text) if self.text.strip() else None)

    @property
    def regexes(self) -> int:
        """How many `%regex%` it holds; a log group takes five patterns with any."""
        return self._parsed.regexes if self._parsed else 0

    @staticmethod
    def read(message: str) -> JsonEvent | None:
        """Parse a message once, for `matches_event` of many patterns. Never raises."""
        return read_event(message)

    def matches(self, message: str) -> bool:
        """Whether CloudWatch would select this log message.

        Never raises: a message that is no JSON object matches no pattern but the empty one.
        """
        return self._parsed is None or self.matches_event(read_event(message))

    def matches_event(self, event: JsonEvent | None) -> bool:
        """The same for a message that `read` parsed; None is a message that is no JSON."""
        if self._parsed is None:
            return True
        return event is not None and self._parsed.condition.holds(event)


AUDIT_PATTERN: Final = FilterPattern('{ $.log.logger = "*.audit" }')
"""What makes a log line an audit record: its logger's name ends in `.audit`."""
