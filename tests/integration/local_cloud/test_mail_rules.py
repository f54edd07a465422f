"""SES is as strict as AWS's: sandbox, identities, configuration sets, suppression list, headers, size."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_cloud import LocalCloud
from local_cloud.receivers.email import EmailReceiver
from tests.integration.local_cloud.templates import function

HEADERS = "From: me@example.com\nTo: you@example.org\nSubject: s\n"


@pytest.fixture
def mail() -> Iterator[tuple[LocalCloud, EmailReceiver]]:
    with EmailReceiver() as receiver, LocalCloud(smtp=receiver.smtp) as cloud:
        cloud.client("sesv2").create_email_identity(EmailIdentity="me@example.com")
        yield cloud, receiver


def send(cloud: LocalCloud, raw: str = f"{HEADERS}\nx", **given: Any) -> str:
    """Send a message; return the error's code and text, or an empty text."""
    defaults = {
        "FromEmailAddress": "me@example.com",
        "Destination": {"ToAddresses": ["you@example.org"]},
        "Content": {"Raw": {"Data": raw.encode()}},
    }
    try:
        cloud.client("sesv2").send_email(**defaults | given)
    except ClientError as error:
        return str(error)
    return ""


def leave_sandbox(cloud: LocalCloud) -> None:
    cloud.client("sesv2").put_account_details(
        MailType="TRANSACTIONAL", WebsiteURL="https://a.example", ProductionAccessEnabled=True
    )


def test_in_the_sandbox_recipients_must_be_verified(
    mail: tuple[LocalCloud, EmailReceiver],
) -> None:
    cloud, receiver = mail
    ses = cloud.client("sesv2")
    assert ses.get_account()["ProductionAccessEnabled"] is False
    answer = send(cloud)
    assert "MessageRejected" in answer
    assert "failed the check in region EU-WEST-1: you@example.org" in answer
    ses.create_email_identity(EmailIdentity="example.org")
    assert send(cloud) == ""
    assert len(receiver.received) == 1


def test_the_account_and_its_suppression_list_are_there_over_http(cloud: LocalCloud) -> None:
    ses = boto3.client("sesv2", endpoint_url=cloud.endpoint, region_name=cloud.region)
    ses.put_account_details(
        MailType="TRANSACTIONAL", WebsiteURL="https://a.example", ProductionAccessEnabled=True
    )
    assert ses.get_account()["ProductionAccessEnabled"] is True
    ses.put_suppressed_destination(EmailAddress="you@example.org", Reason="BOUNCE")
    assert len(ses.list_suppressed_destinations()["SuppressedDestinationSummaries"]) == 1
    ses.delete_suppressed_destination(EmailAddress="you@example.org")
    assert ses.list_suppressed_destinations()["SuppressedDestinationSummaries"] == []


def test_production_access_ends_the_sandbox(mail: tuple[LocalCloud, EmailReceiver]) -> None:
    cloud, receiver = mail
    leave_sandbox(cloud)
    assert send(cloud) == ""
    assert cloud.client("sesv2").get_account()["ProductionAccessEnabled"] is True
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (f"{HEADERS}\nx", ""),
        ("To: you@example.org\n\nx", "Missing required header 'From'"),
        ("From: other@example.net\n\nx", "not verified"),
        (f"{HEADERS}Subject: again\n\nx", "Duplicate header 'Subject'"),
        (f"{HEADERS}X-A: \u00e9\n\nx", "not ASCII"),
        (f"{HEADERS}\n{'x' * 998}", ""),
        (f"{HEADERS}\n{'x' * 999}", "longer than 998"),
        (f"{HEADERS}X-SES-CONFIGURATION-SET: none\n\nx", "Configuration set <none> does not exist"),
        (HEADERS + "\n" + "x" * 99 + ("\n" + "x" * 99) * 104_900, "Message length is more than"),
    ],
)
def test_a_message_is_checked_as_ses_does(
    mail: tuple[LocalCloud, EmailReceiver], raw: str, error: str
) -> None:
    cloud, receiver = mail
    leave_sandbox(cloud)
    answer = send(cloud, raw)
    assert (error in answer) if error else answer == ""
    assert len(receiver.received) == (not error)


def test_recipients_are_those_of_the_call_else_of_the_headers(
    mail: tuple[LocalCloud, EmailReceiver],
) -> None:
    cloud, receiver = mail
    leave_sandbox(cloud)
    assert send(cloud, Destination={}) == ""
    assert len(receiver.received) == 1
    nobody = "From: me@example.com\nSubject: s\n\nx"
    assert "Recipient count is not 1 to 50" in send(cloud, nobody, Destination={})
    fifty = [f"u{number}@example.org" for number in range(50)]
    assert send(cloud, Destination={"ToAddresses": fifty}) == ""
    answer = send(cloud, Destination={"ToAddresses": [*fifty, "u50@example.org"]})
    assert "Recipient count" in answer


def test_configuration_sets_must_exist(mail: tuple[LocalCloud, EmailReceiver]) -> None:
    cloud, _ = mail
    leave_sandbox(cloud)
    ses = cloud.client("sesv2")
    assert "NotFoundException" in send(cloud, ConfigurationSetName="audit")
    ses.create_configuration_set(ConfigurationSetName="audit")
    assert send(cloud, ConfigurationSetName="audit") == ""
    ses.create_email_identity(EmailIdentity="a@example.com", ConfigurationSetName="gone")
    raw = HEADERS.replace("me@", "a@") + "\nx"
    assert "Configuration set <gone> does not exist" in send(
        cloud, raw, FromEmailAddress="a@example.com"
    )


def test_a_suppressed_recipient_receives_nothing(mail: tuple[LocalCloud, EmailReceiver]) -> None:
    cloud, receiver = mail
    leave_sandbox(cloud)
    ses = cloud.client("sesv2")
    ses.put_suppressed_destination(EmailAddress="You@example.org", Reason="BOUNCE")
    [found] = ses.list_suppressed_destinations()["SuppressedDestinationSummaries"]
    assert (found["EmailAddress"], found["Reason"]) == ("you@example.org", "BOUNCE")
    assert send(cloud) == ""
    assert receiver.received == []
    ses.delete_suppressed_destination(EmailAddress="you@example.org")
    assert send(cloud) == ""
    assert len(receiver.received) == 1


SENDS = """
import boto3
def handler(event, context):
    try:
        boto3.client("sesv2").send_email(
            FromEmailAddress="me@example.com", Destination={"ToAddresses": ["you@example.org"]},
            Content={"Raw": {"Data": event.encode()}})
        return "sent"
    except Exception as error:
        return str(error)
"""


@pytest.mark.parametrize(
    ("identities", "denied"),
    [
        ({"me@example.com": None}, None),
        ({"example.com": None}, "identity/example.com"),
        ({"me@example.com": "set"}, "configuration-set/set"),
        ({"me@example.com": None, "you@example.org": None}, "identity/you@example.org"),
        ({"me@example.com": None, "example.org": None}, "identity/example.org"),
    ],
)
def test_a_role_needs_each_identity_and_configuration_set(
    cloud: LocalCloud,
    assemble: Callable[..., Path],
    identities: dict[str, str | None],
    denied: str | None,
) -> None:
    ses = cloud.client("sesv2")
    ses.create_configuration_set(ConfigurationSetName="set")
    leave_sandbox(cloud)
    for name, configuration_set in identities.items():
        more = {"ConfigurationSetName": configuration_set} if configuration_set else {}
        ses.create_email_identity(EmailIdentity=name, **more)
    may = {
        "Effect": "Allow",
        "Action": ["ses:SendEmail", "ses:SendRawEmail"],
        "Resource": "arn:aws:ses:eu-west-1:123456789012:identity/me@example.com",
    }
    cloud.deploy(assemble(function(may), SENDS))
    payload = cloud.client("lambda").invoke(FunctionName="f", Payload=json.dumps(f"{HEADERS}\nx"))[
        "Payload"
    ]
    answer = json.loads(payload.read())
    if denied is None:
        assert answer == "sent"
    else:
        assert f"on resource: arn:aws:ses:eu-west-1:123456789012:{denied} " in answer
