"""Everything this package raises.

* AuditRulesError
  * ConfigError
  * FilterPatternError
"""


class AuditRulesError(Exception):
    """The root: catch it to catch whatever this package raises on purpose."""


class ConfigError(AuditRulesError):
    """`audit.toml` cannot be used; raised once, with every problem that was found.

    Args:
        source: the file, as the reader of the message knows it.
        problems: one sentence each: the place, the field, what was found, what to do.
    """

    def __init__(self, source: str, problems: tuple[str, ...]) -> None:
        super().__init__(source, problems)  # as args, so that the error can be pickled
        self.source = source
        self.problems = tuple(f"{source}: {problem}" for problem in problems)

    def __str__(self) -> str:
        count = len(self.problems)
        heading = f"{self.source}: {count} problem{'' if count == 1 else 's'}"
        return "\n".join([heading, *(f"  - {problem}" for problem in self.problems)])


class FilterPatternError(AuditRulesError, ValueError):
    """A filter pattern that CloudWatch Logs would refuse, or a form that is not read here.

    Args:
        text: the whole pattern.
        column: where the trouble is: the position of a character, counted from 1.
        reason: what was found there and what to write instead.
    """

    def __init__(self, text: str, column: int, reason: str) -> None:
        super().__init__(text, column, reason)
        self.text = text
        self.column = column
        self.reason = reason

    def __str__(self) -> str:
        # One character is shown for one character, or the caret would stand under another.
        shown = "".join(character if character.isprintable() else " " for character in self.text)
        caret = " " * (self.column - 1) + "^"
        return f"{self.reason} (column {self.column})\n    {shown}\n    {caret}"
