"""Compares the evaluation of filter patterns in `audit_rules` with that of `TestMetricFilter` on AWS."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from audit_ops.errors import AuditOpsError, reason_of
from audit_rules import FilterPattern, FilterPatternError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

__all__ = ["CaseError", "PatternCase", "compare", "read_cases"]

_ADVICE: Final = 'write {"pattern": "…", "messages": ["…"]}'
_MAX_LENGTH: Final = 60
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TestMetricFilter.html
_MOST_MESSAGES: Final = 50


class CaseError(AuditOpsError):
    """Cases cannot be read or evaluated; the message says why, and names the line of an invalid case."""


@dataclass(frozen=True, slots=True)
class PatternCase:
    """A filter pattern, and at most 50 log messages to evaluate it on, the limit of `TestMetricFilter`."""

    pattern: str
    messages: tuple[str, ...]


def read_cases(path: Path) -> Iterator[PatternCase]:
    """Read a file with one JSON object per line: `{"pattern": "…", "messages": ["…"]}`.

    Blank lines are ignored. An object with more than 50 messages becomes several cases.

    Raises:
        CaseError: the file cannot be read, or a line is not such an object.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError(
            f"{path}: cannot be read: {reason_of(error)}; pass a file of cases in UTF-8"
        ) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            case = json.loads(line)
        except ValueError as error:
            raise CaseError(f"{path}:{number}: is not JSON: {error}; {_ADVICE}") from error
        pattern, messages = _members(case)
        if not isinstance(pattern, str) or not isinstance(messages, list):
            raise CaseError(
                f"{path}:{number}: found {_cut(line)}, which is not an object with a string"
                f" `pattern` and an array `messages`; {_ADVICE}"
            )
        for at in range(0, len(messages), _MOST_MESSAGES):
            yield PatternCase(pattern, tuple(map(str, messages[at : at + _MOST_MESSAGES])))


def _members(case: object) -> tuple[object, object]:
    return (case.get("pattern"), case.get("messages")) if isinstance(case, dict) else (None, None)


def _cut(text: str) -> str:
    return repr(text if len(text) <= _MAX_LENGTH else f"{text[:_MAX_LENGTH]}…")


def compare(cases: Iterable[PatternCase], logs: "CloudWatchLogsClient") -> Iterator[str]:
    """Yield a text for each difference, and a summary; nothing is created in the account.

    Compared are whether a pattern is valid, which messages it matches, and the extracted values.

    Raises:
        CaseError: AWS rejects a call for another reason than an invalid pattern.
        botocore.exceptions.BotoCoreError: AWS cannot be reached.
    """
    count = differences = 0
    for case in cases:
        count += len(case.messages)
        theirs, ours = _aws(case, logs), _own(case)
        if isinstance(theirs, str) or isinstance(ours, str):
            if isinstance(theirs, str) is not isinstance(ours, str):
                differences += 1
                yield f"{case.pattern}\n  AWS:  {_described(theirs)}\n  ours: {_described(ours)}"
            continue
        for message, one, other in zip(case.messages, theirs, ours, strict=True):
            if one != other:
                differences += 1
                yield f"{case.pattern}\n  on    {message}\n  AWS:  {_described(one)}\n  ours: {_described(other)}"
    yield f"{count} messages, {differences} difference{'' if differences == 1 else 's'}"


_Result = dict[str, str] | None


def _aws(case: PatternCase, logs: "CloudWatchLogsClient") -> list[_Result] | str:
    try:
        response = logs.test_metric_filter(
            filterPattern=case.pattern, logEventMessages=list(case.messages)
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidParameterException":
            raise CaseError(
                f"AWS rejected the call: {error}; check your AWS credentials and their permission"
                " logs:TestMetricFilter"
            ) from error
        return error.response["Error"]["Message"]
    # Matched by text: AWS's pages disagree on whether event numbers start at 0 or 1.
    found = {each["eventMessage"]: each.get("extractedValues", {}) for each in response["matches"]}
    return [found.get(message) for message in case.messages]


def _own(case: PatternCase) -> list[_Result] | str:
    try:
        pattern = FilterPattern(case.pattern)
    except FilterPatternError as error:
        return error.reason
    return [pattern.extract(message) for message in case.messages]


def _described(result: _Result | list[_Result] | str) -> str:
    if isinstance(result, str):
        return f"rejects the pattern: {result}"
    if isinstance(result, list):
        return "accepts the pattern"
    return "does not match" if result is None else f"matches, {json.dumps(result, sort_keys=True)}"
