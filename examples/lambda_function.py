"""A function of AWS Lambda: who called it, in which request, and nothing of the call before.

Run it: `python examples/lambda_function.py`. On AWS, `handler` is the function's handler; its records go to
the function's log group, which `[sources]` of `audit.toml` names.
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
    """Change a payout account, as API Gateway asks for it."""
    account = ACCOUNTS[event["pathParameters"]["account"]]
    with logger.audit.track("Payout account changed", "payout-account", account, record_id="PA-9"):
        account["iban"] = event["body"]
    return {"statusCode": 204}


def call(person: str | None, iban: str) -> None:
    """Call it as Lambda does: with an event of API Gateway's, and a context."""
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
