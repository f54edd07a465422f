"""Parses and evaluates CloudWatch Logs filter patterns without AWS.

    text ─┬─▶ _parser    { $.a = 1 && … }   conditions on JSON   (_tokens, _selector, _conditions)
          ├─▶ _fields    [ip, ..., status]  space-delimited fields
          └─▶ _terms     ERROR -"a phrase"  terms anywhere in the message
               └─ all of them use _values and _regex for numbers, strings and `%regex%`, in linear time

Source of the syntax:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from audit_rules._exceptions import FilterPatternError

from ._compiled import Compiled, InexactError, compiled, required_member, simplified
from ._conditions import (
    ORDER,
    And,
    Condition,
    Is,
    Leaf,
    NotExists,
    NumericComparison,
    Or,
    TextComparison,
    Wildcard,
    all_of,
    any_of,
    leaves,
)
from ._event import LogEvent
from ._filter import AUDIT_PATTERN, FilterPattern
from ._metric import MetricFilter
from ._print import printed
from ._selector import Property
from ._values import quoted
from ._words import in_words

__all__ = [
    "AUDIT_PATTERN",
    "ORDER",
    "And",
    "Compiled",
    "Condition",
    "FilterPattern",
    "FilterPatternError",
    "InexactError",
    "Is",
    "Leaf",
    "LogEvent",
    "MetricFilter",
    "NotExists",
    "NumericComparison",
    "Or",
    "Property",
    "TextComparison",
    "Wildcard",
    "all_of",
    "any_of",
    "compiled",
    "in_words",
    "leaves",
    "printed",
    "quoted",
    "required_member",
    "simplified",
]
