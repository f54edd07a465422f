"""Queues that hold records refuse requests without TLS, and are encrypted."""

from tests.synthesis import Template


def test_every_queue_refuses_requests_without_tls(template: Template) -> None:
    queues = set(template.of_type("SQS::Queue"))
    refusing = set()
    for policy in template.properties("SQS::QueuePolicy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Deny":
                assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
                assert statement["Action"] == "sqs:*"
                refusing |= {queue["Ref"] for queue in policy["Queues"]}
    assert refusing == queues
