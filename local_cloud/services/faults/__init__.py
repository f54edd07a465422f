"""Faults that a test asks for: services and receivers that fail, functions that are ended.

weather        `Faults`: the faults in force, and the calls and invocations that they affect
specification  `Fault`: what is asked for; rejects what is not understood
codes          the error code and status of an answer, by service
"""

from local_cloud.services.faults.codes import COMMON_CODES, error_of
from local_cloud.services.faults.specification import LATE, TIMEOUT, Fault, FaultParameters
from local_cloud.services.faults.weather import SILENCE_SECONDS, Faults, UnansweredError

__all__ = [
    "COMMON_CODES",
    "LATE",
    "SILENCE_SECONDS",
    "TIMEOUT",
    "Fault",
    "FaultParameters",
    "Faults",
    "UnansweredError",
    "error_of",
]
