"""Our reading of filter patterns beside AWS's own: `TestMetricFilter`, for who has an account."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from audit_ops.errors import AuditOpsError
from audit_rules import FilterPattern, FilterPatternError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

__all__ = ["Case", "CaseError", "compared", "read_cases"]

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TestMetricFilter.html
_MOST_MESSAGES: Final = 50


class CaseError(AuditOpsError):
    """A file of cases cannot be read; the text names the line and what to write."""


@dataclass(frozen=True, slots=True)
class Case:
    """A pattern and the messages to try it on."""

    pattern: str
    messages: tuple[str, ...]


def read_cases(path: Path) -> Iterator[Case]:
    """Read a file with a JSON object a line: `{"pattern": "…", "messages": ["…"]}`.

    Raises:
        CaseError: a line is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError(f"{path}: cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            case = json.loads(line)
            pattern, messages = case["pattern"], case["messages"]
        except (ValueError, KeyError, TypeError) as error:
            advice = 'write {"pattern": "…", "messages": ["…"]}'
            raise CaseError(f"{path}:{number}: {error!r}; {advice}") from error
        for at in range(0, len(messages), _MOST_MESSAGES):
            yield Case(str(pattern), tuple(map(str, messages[at : at + _MOST_MESSAGES])))


def compared(cases: Iterable[Case], logs: "CloudWatchLogsClient") -> Iterator[str]:
    """Give a line for each difference, and one that sums up; nothing is made in the account."""
    asked = differences = 0
    for case in cases:
        asked += len(case.messages)
        theirs, ours = _aws(case, logs), _own(case)
        if isinstance(theirs, str) or isinstance(ours, str):
            if isinstance(theirs, str) is not isinstance(ours, str):
                differences += 1
                yield f"{case.pattern}\n  AWS:  {_said(theirs)}\n  ours: {_said(ours)}"
            continue
        for message, one, other in zip(case.messages, theirs, ours, strict=True):
            if one != other:
                differences += 1
                yield f"{case.pattern}\n  on    {message}\n  AWS:  {_said(one)}\n  ours: {_said(other)}"
    yield f"{asked} messages, {differences} difference{'' if differences == 1 else 's'}"


_Answer = dict[str, str] | None


def _aws(case: Case, logs: "CloudWatchLogsClient") -> list[_Answer] | str:
    try:
        answer = logs.test_metric_filter(
            filterPattern=case.pattern, logEventMessages=list(case.messages)
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidParameterException":
            raise CaseError(f"AWS does not answer: {error}") from error
        return error.response["Error"]["Message"]
    # By their texts: whether the first event has the number 0 or 1, AWS's own pages disagree.
    found = {each["eventMessage"]: each.get("extractedValues", {}) for each in answer["matches"]}
    return [found.get(message) for message in case.messages]


def _own(case: Case) -> list[_Answer] | str:
    try:
        pattern = FilterPattern(case.pattern)
    except FilterPatternError as error:
        return error.reason
    return [pattern.extract(message) for message in case.messages]


def _said(answer: _Answer | list[_Answer] | str) -> str:
    if isinstance(answer, str):
        return f"refused: {answer}"
    if isinstance(answer, list):
        return "takes it"
    return "does not match" if answer is None else f"matches, {json.dumps(answer, sort_keys=True)}"
