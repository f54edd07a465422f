"""What the `audit rules` commands do: check, test, explain, begin a rule."""

from .explaining import explanation
from .reporting import checked, junit, tried
from .starting import starter

__all__ = ["checked", "explanation", "junit", "starter", "tried"]
