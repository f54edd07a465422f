"""What a fault may ask for; anything else is refused by its name, with what to write."""

from math import inf
from typing import Any

import pytest

from local_cloud.errors import FaultError
from local_cloud.services.faults import Fault, error_of
from local_cloud.services.faults.specification import fault_of


def fault(given: dict[str, Any]) -> Fault:
    return fault_of(
        given,
        now=1000,
        receivers={"slack": None, "email": ("sesv2", "SendEmail")},
        functions=["audit-teller", "audit-matcher"],
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "service is missing; write the name of a service, or of a function"),
        ({"service": "s3", "function": "f"}, "write one fault for each"),
        ({"service": "slak", "answer": 503}, "serve 'slak'; did you mean 'slack'? write one of"),
        ({"service": "nothing at all", "answer": 503}, "write one of cloudwatch, dynamodb, email"),
        ({"service": 7, "answer": 503}, "service: found 7; write a name"),
        ({"service": "slack"}, "answer: is missing; write one of 400, 403, 404, 429, 500, 503, 'time"),
        ({"service": "slack", "answer": 418}, "answer: found 418; write one of 400"),
        ({"service": "slack", "answer": "503"}, "answer: found '503'; write one of 400"),
        ({"service": "slack", "answer": True}, "answer: found True"),
        ({"service": "slack", "answer": [503]}, "answer: found [503]"),
        ({"service": "slack", "answer": "killed"}, "answer: found 'killed'"),
        ({"service": "slack", "answer": 503, "second": 9}, "second: a fault of slack has no such"
         " parameter; did you mean 'seconds'?"),
        ({"service": "slack", "answer": 503, "operation": "Post"}, "operation: a fault of slack has no"),
        ({"service": "slack", "answer": 503, "everybody": True}, "everybody: a fault of slack has no"),
        ({"service": "logs", "answer": 503, "at_call": 2}, "at_call: a fault of logs has no such"),
        ({"service": "slack", "answer": 503, "seconds": 0}, "seconds: found 0; write a number of sec"),
        ({"service": "slack", "answer": 503, "seconds": inf}, "seconds: found inf"),
        ({"service": "slack", "answer": 503, "seconds": "9"}, "seconds: found '9'"),
        ({"service": "slack", "answer": 503, "count": 0}, "count: found 0; write a whole number"),
        ({"service": "slack", "answer": 503, "count": 1.5}, "count: found 1.5"),
        ({"service": "slack", "answer": 503, "count": True}, "count: found True"),
        ({"service": "slack", "answer": 500, "retry_after": 9}, "retry_after: the answer 500 has none"),
        ({"service": "logs", "answer": 500, "everybody": 1}, "everybody: found 1; write true or false"),
        ({"service": "logs", "answer": 500, "operation": "PutLogEvent"}, "operation: logs has no"
         " operation 'PutLogEvent'; did you mean 'PutLogEvents'?"),
        ({"service": "email", "answer": 500, "operation": "GetAccount"}, "email has no operation"),
        ({"function": "audit-tell", "answer": "killed"}, "function: there is no function 'audit-tell';"
         " did you mean 'audit-teller'? write one of audit-matcher, audit-teller"),
        ({"function": "audit-teller", "answer": 503}, "answer: found 503; write one of 'error',"),
        ({"function": "audit-teller", "answer": "error", "at_call": 1}, "at_call: an invocation with"),
        ({"function": "audit-teller", "answer": "error", "after": True}, "after: an invocation with"),
        ({"function": "audit-teller", "answer": "killed", "at_call": 0}, "at_call: found 0"),
        ({"function": "audit-teller", "answer": "killed", "after": "yes"}, "after: found 'yes'"),
        ({"function": "audit-teller", "answer": "killed", "operation": "x"}, "operation: a fault of"
         " the function audit-teller has no such parameter"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_by_its_name(given: dict[str, Any], said: str) -> None:
    with pytest.raises(FaultError) as refused:
        fault(given)
    assert said in str(refused.value)


def test_a_service_is_one_of_moto_a_channel_type_or_ses() -> None:
    assert fault({"service": "dynamodb", "answer": 500}).services == ("dynamodb",)
    assert fault({"service": "ses", "answer": 500}).services == ("ses", "sesv2")
    assert fault({"service": "cognito-idp", "answer": 500}).services == ("cognito-idp",)
    assert fault({"service": "slack", "answer": 500}).receiver == "slack"
    mail = fault({"service": "email", "answer": 500})
    assert (mail.services, mail.operation, mail.receiver) == (("sesv2",), "SendEmail", "")


def test_a_fault_lasts_for_its_seconds_and_its_count_or_until_it_is_ended() -> None:
    whole = fault({"service": "slack", "answer": "throttling", "seconds": 1.5, "count": 2})
    assert (whole.answer, whole.ends_at, whole.left) == (429, 1001.5, 2)
    endless = fault({"service": "slack", "answer": 503, "retry_after": 30})
    assert (endless.ends_at, endless.left, endless.retry_after) == (inf, inf, 30)


@pytest.mark.parametrize(
    ("service", "operation", "errors"),
    [
        ("dynamodb", "PutItem", {
            400: ("ValidationException", 400), 403: ("AccessDeniedException", 400),
            404: ("ResourceNotFoundException", 400),
            429: ("ProvisionedThroughputExceededException", 400),
            500: ("InternalServerError", 500), 503: ("ServiceUnavailable", 503),
        }),
        ("logs", "PutLogEvents", {
            400: ("InvalidParameterException", 400), 403: ("AccessDeniedException", 400),
            404: ("ResourceNotFoundException", 400), 429: ("ThrottlingException", 400),
            500: ("InternalFailure", 500), 503: ("ServiceUnavailableException", 503),
        }),
        ("sesv2", "SendEmail", {
            400: ("BadRequestException", 400), 403: ("AccessDeniedException", 400),
            404: ("NotFoundException", 404), 429: ("TooManyRequestsException", 429),
            500: ("InternalFailure", 500), 503: ("ServiceUnavailable", 503),
        }),
        ("secretsmanager", "GetSecretValue", {
            429: ("ThrottlingException", 400), 500: ("InternalServiceError", 500),
        }),
        ("lambda", "Invoke", {429: ("TooManyRequestsException", 429), 500: ("ServiceException", 500)}),
        ("sqs", "SendMessage", {404: ("QueueDoesNotExist", 400), 429: ("RequestThrottled", 400)}),
        ("s3", "GetObject", {
            403: ("AccessDenied", 403), 404: ("NoSuchKey", 404), 429: ("SlowDown", 503),
            500: ("InternalError", 500),
        }),
        ("sts", "AssumeRole", {
            400: ("ValidationError", 400), 403: ("AccessDenied", 403), 429: ("Throttling", 400),
        }),
    ],
)  # fmt: skip
def test_each_service_has_its_own_codes(
    service: str, operation: str, errors: dict[int, tuple[str, int]]
) -> None:
    assert {answer: error_of(service, operation, answer) for answer in errors} == errors
