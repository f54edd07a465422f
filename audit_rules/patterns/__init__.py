"""CloudWatch Logs filter patterns, evaluated without AWS.

    text ─┬─▶ _parser    { $.a = 1 && … }   conditions on JSON   (_tokens, _selector, _conditions)
          ├─▶ _fields    [ip, ..., status]  space-delimited fields
          └─▶ _terms     ERROR -"a phrase"  terms anywhere in the message
               └─ `%regex%` in each of them by _regex, in linear time

Source of the syntax:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from ._event import LogEvent
from ._filter import AUDIT_PATTERN, FilterPattern

__all__ = ["AUDIT_PATTERN", "FilterPattern", "LogEvent"]
