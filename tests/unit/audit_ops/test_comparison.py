"""Our evaluation of filter patterns beside AWS's, with stubbed responses."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from click.testing import CliRunner

from audit_ops.cli import main
from audit_ops.rules.comparison import CaseError, compare, read_cases

CASES = [
    {"pattern": "ERROR", "messages": ["an ERROR", "fine"]},
    {"pattern": "[a, b]", "messages": ["x y"]},
    {"pattern": "ERROR:", "messages": ["x"]},
    {"pattern": "{ $.a = 1 }", "messages": ['{"a": 1}']},
]


def answers(*matches: Any) -> dict[str, Any]:
    return {
        "matches": [
            {"eventNumber": 1, "eventMessage": message, "extractedValues": values}
            for message, values in matches
        ]
    }


@pytest.fixture
def stubbed() -> Any:
    logs = boto3.client("logs", "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(logs) as stub:
        yield logs, stub


def file_of(tmp_path: Path, cases: list[Any]) -> Path:
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(json.dumps(case) + "\n" for case in cases))
    return path


def test_where_both_agree_there_is_no_difference(stubbed: Any, tmp_path: Path) -> None:
    logs, stub = stubbed
    stub.add_response("test_metric_filter", answers(("an ERROR", {})))
    stub.add_response("test_metric_filter", answers(("x y", {"$a": "x", "$b": "y"})))
    stub.add_client_error("test_metric_filter", "InvalidParameterException", "Invalid character")
    stub.add_response("test_metric_filter", answers(('{"a": 1}', {"$.a": "1"})))
    assert list(compare(read_cases(file_of(tmp_path, CASES)), logs)) == [
        "5 messages, 0 differences"
    ]


def test_each_difference_is_shown_with_both_answers(stubbed: Any, tmp_path: Path) -> None:
    logs, stub = stubbed
    stub.add_response("test_metric_filter", answers(("fine", {})))
    stub.add_response("test_metric_filter", answers(("x y", {"$a": "x", "$2": "y"})))
    stub.add_response("test_metric_filter", answers())
    stub.add_client_error("test_metric_filter", "InvalidParameterException", "no")
    *shown, last = compare(read_cases(file_of(tmp_path, CASES)), logs)
    assert last == "5 messages, 5 differences"
    assert shown[0] == "ERROR\n  on    an ERROR\n  AWS:  does not match\n  ours: matches, {}"
    assert 'AWS:  matches, {"$2": "y", "$a": "x"}' in shown[2]
    assert shown[3].startswith("ERROR:\n  AWS:  accepts the pattern\n  ours: rejects the pattern: ")
    assert shown[4] == "{ $.a = 1 }\n  AWS:  rejects the pattern: no\n  ours: accepts the pattern"


def test_fifty_messages_are_asked_at_once(tmp_path: Path) -> None:
    cases = list(read_cases(file_of(tmp_path, [{"pattern": "x", "messages": ["m"] * 120}])))
    assert [len(case.messages) for case in cases] == [50, 50, 20]


def test_an_account_that_does_not_answer_and_a_file_that_is_none(
    stubbed: Any, tmp_path: Path
) -> None:
    logs, stub = stubbed
    stub.add_client_error("test_metric_filter", "AccessDeniedException", "not yours")
    with pytest.raises(CaseError, match=r"AWS rejected the call.*not yours"):
        list(compare(read_cases(file_of(tmp_path, CASES)), logs))
    path = file_of(tmp_path, [{"pattern": "x"}])
    done = CliRunner().invoke(main, ["rules", "compare", "--region", "eu-west-1", str(path)])
    assert done.exit_code == 1
    assert """cases.jsonl:1: found '{"pattern": "x"}', which is not an object with""" in done.output
