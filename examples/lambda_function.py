"""An AWS Lambda function: who called it, in which request, without the context of the previous call.

Run it: `python examples/lambda_function.py`. On AWS, `handler` is the function's handler; its records are
written to the function's log group, which is listed in `[sources]` of `audit.toml`.
"""

from types import SimpleNamespace
from typing import Any

import audit_lib
from audit_lib.adapters.aws_lambda import audited

audit_lib.configure(service={"name": "payouts", "version": "1.0"})
logger = audit_lib.get_logger("payouts")
ACCOUNTS = {"PA-9": {"iban": "ES9121000418450200051332"}}


@audited
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Change a payout account on a request of API Gateway."""
    account = ACCOUNTS[event["pathParameters"]["account"]]
    with logger.audit.track("Payout account changed", "payout-account", account, record_id="PA-9"):
        account["iban"] = event["body"]
    return {"statusCode": 204}


def call(person: str | None, iban: str) -> None:
    """Call the handler as Lambda does, with an event of API Gateway and a context."""
    claims = {"sub": person, "name": "Ana Souza"} if person else {}
    event = {
        "pathParameters": {"account": "PA-9"},
        "body": iban,
        "requestContext": {
            "http": {"method": "PUT", "path": "/accounts/PA-9", "sourceIp": "203.0.113.9"},
            "authorizer": {"jwt": {"claims": claims}},
        },
    }
    handler(event, SimpleNamespace(aws_request_id="c0ffee00-0000-4000-8000-000000000001"))


if __name__ == "__main__":
    call("7", "DE89370400440532013000")
    call(None, "FR7630006000011234567890189")
