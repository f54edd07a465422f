"""Defines the exceptions that `audit_rules` raises.

* AuditRulesError
  * ConfigError
  * FilterPatternError
"""

_MAX_SHOWN = 120


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
        prefix = f"{self.source}: "  # is in the heading
        lines = [f"  - {problem.removeprefix(prefix)}" for problem in self.problems]
        return "\n".join([heading, *lines])


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
        at = self.column - 1
        if len(shown) > _MAX_SHOWN:  # show the part around the position
            begin, end = max(at - _MAX_SHOWN // 2, 0), at + _MAX_SHOWN // 2
            before, after = "…" * (begin > 0), "…" * (end < len(shown))
            shown, at = f"{before}{shown[begin:end]}{after}", at - begin + len(before)
        return f"{self.reason} (column {self.column})\n    {shown}\n    {' ' * at}^"
