"""Defines the exceptions that `audit_rules` raises.

* AuditRulesError
  * ConfigError
  * FilterPatternError
"""


class AuditRulesError(Exception):
    """Base class of the exceptions that `audit_rules` raises."""


class ConfigError(AuditRulesError):
    """`audit.toml` cannot be read or is invalid, or its rules cannot be deployed; has every problem found.

    Args:
        source: the name of the file in messages.
        problems: one sentence each: the place, the field, what was found, what to do.
    """

    def __init__(self, source: str, problems: tuple[str, ...]) -> None:
        super().__init__(source, problems)  # args, so that the error can be pickled
        self.source = source
        self.problems = tuple(f"{source}: {problem}" for problem in problems)

    def __str__(self) -> str:
        count = len(self.problems)
        heading = f"{self.source}: {count} problem{'' if count == 1 else 's'}"
        return "\n".join([heading, *(f"  - {problem}" for problem in self.problems)])


class FilterPatternError(AuditRulesError, ValueError):
    """A filter pattern that CloudWatch Logs would reject, or whose syntax is not supported here.

    Args:
        text: the whole pattern.
        column: the position of the first invalid character, counted from 1.
        reason: what was found at the position and what to write instead.
    """

    def __init__(self, text: str, column: int, reason: str) -> None:
        super().__init__(text, column, reason)
        self.text = text
        self.column = column
        self.reason = reason

    def __str__(self) -> str:
        # Replace each unprintable character with one space, so that the caret points at the right one.
        shown = "".join(character if character.isprintable() else " " for character in self.text)
        caret = " " * (self.column - 1) + "^"
        return f"{self.reason} (column {self.column})\n    {shown}\n    {caret}"
