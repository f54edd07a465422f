"""The evaluation of IAM policies."""

from typing import Any

import pytest

from local_cloud.errors import UnknownConditionError
from local_cloud.services.policies import AccessRequest, allowed


def statement(
    effect: str = "Allow", action: Any = "logs:Put*", resource: Any = "arn:g:*", **more: Any
) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


PUT = AccessRequest(action="logs:PutLogEvents", resource="arn:g:stream")


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], False),
        ([statement()], True),
        ([statement(action=["logs:Get*", "LOGS:putlogevents"])], True),
        ([statement(action="logs:Get*")], False),
        ([statement(resource="arn:g")], False),
        ([statement(resource=["arn:x", "arn:g:st?eam"])], True),
        ([statement(), statement("Deny", "*", "*")], False),
        ([statement(), statement("Deny", "sqs:*", "*")], True),
        ([statement(Condition={"StringEquals": {"aws:x": "1"}})], False),
        ([{"Effect": "Allow", "NotAction": "sqs:*", "Resource": "*"}], True),
        ([{"Effect": "Allow", "NotAction": "logs:*", "Resource": "*"}], False),
        ([statement(), {"Effect": "Deny", "NotAction": "sqs:*", "Resource": "*"}], False),
        ([{"Effect": "Allow", "Action": "*", "NotResource": "arn:g:*"}], False),
        ([{"Effect": "Allow", "Action": "*", "NotResource": "arn:h:*"}], True),
    ],
)
def test_what_is_allowed_and_not_denied_is_allowed(statements: list[Any], expected: bool) -> None:
    assert allowed(statements, PUT) is expected


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ({"Service": "logs.amazonaws.com"}, True),
        ({"Service": ["sns.amazonaws.com", "logs.amazonaws.com"]}, True),
        ({"Service": "sns.amazonaws.com"}, False),
        ({"AWS": "arn:aws:iam::123456789012:root"}, False),
        ({"AWS": "*"}, True),
        ({"AWS": ["arn:aws:iam::123456789012:role/r"]}, True),
        ("*", True),
    ],
)
def test_a_resources_policy_names_who_may(principal: Any, expected: bool) -> None:
    request = AccessRequest(
        action="logs:PutLogEvents",
        resource="arn:g:s",
        service="logs.amazonaws.com",
        principals=frozenset({"arn:aws:iam::123456789012:role/r"}),
    )
    assert allowed([statement(Principal=principal)], request) is expected


def test_a_policy_with_not_principal_is_not_evaluated() -> None:
    with pytest.raises(UnknownConditionError, match="NotPrincipal"):
        allowed([statement(NotPrincipal={"AWS": "*"})], PUT)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"AWS:SourceAccount": "1"}}, True),
        ({"StringEquals": {"aws:sourceaccount": ["2", "1"]}}, True),
        ({"StringEquals": {"aws:SourceAccount": "2"}}, False),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:logs:*:1:log-group:*"}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*"}}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, False),
        ({"Bool": {"aws:SecureTransport": True}}, True),
        ({"StringEquals": {"missing": "1"}}, False),
    ],
)
def test_a_condition_looks_at_the_context(condition: Any, expected: bool) -> None:
    context = {
        "aws:SourceAccount": "1",
        "AWS:SourceArn": "arn:aws:logs:eu-west-1:1:log-group:/a:*",
        "aws:SecureTransport": "true",
    }
    request = AccessRequest(action="logs:PutLogEvents", resource="arn:g:s", context=context)
    assert allowed([statement(Condition=condition)], request) is expected


def test_a_condition_that_is_not_evaluated_is_an_error_and_no_guess() -> None:
    with pytest.raises(UnknownConditionError, match="NumericLessThan"):
        allowed([statement(Condition={"NumericLessThan": {"a": "1"}})], PUT)
