"""CloudWatch Logs filter patterns, their JSON form, evaluated without AWS.

    text ──_tokens──▶ tokens ──_parser──▶ conditions ──_conditions──▶ true or false
                                │   └─ `%regex%` by _regex, in linear time
                                └───── `$.a.b[0]` by _selector

Source of the syntax:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from ._filter import AUDIT_PATTERN, FilterPattern

__all__ = ["AUDIT_PATTERN", "FilterPattern"]
