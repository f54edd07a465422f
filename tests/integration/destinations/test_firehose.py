"""`FirehoseHandler` against moto, which delivers to its S3."""

import json
from collections.abc import Iterator

import boto3
import pytest

import audit_lib
from audit_lib.destinations.firehose import FirehoseHandler

from .conftest import BROKEN, DENIED, THROTTLED, Service

BUCKET = "archive"


@pytest.fixture
def handler(service: Service) -> Iterator[FirehoseHandler]:
    boto3.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    boto3.client("firehose").create_delivery_stream(
        DeliveryStreamName="audit",
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::123456789012:role/firehose",
            "BucketARN": f"arn:aws:s3:::{BUCKET}",
        },
    )
    made = FirehoseHandler(
        "audit", client=service.client("firehose"), flush_interval=0.05, retry_for=5
    )
    yield made
    service.always = None
    made.close()


@pytest.fixture
def audit(logger: audit_lib.AppLogger, handler: FirehoseHandler) -> Iterator[audit_lib.AuditLogger]:
    logger.audit.addHandler(handler)
    yield logger.audit
    logger.audit.removeHandler(handler)


def objects() -> list[bytes]:
    s3 = boto3.client("s3")
    found = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    stored = [s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in found]
    # moto creates one object for each record; their names have the second only.
    return sorted(stored, key=lambda body: json.loads(body.splitlines()[0])["chain"]["sequence"])


def test_the_lines_of_a_call_are_one_firehose_record_and_each_has_its_end(
    audit: audit_lib.AuditLogger, handler: FirehoseHandler, service: Service
) -> None:
    for number in range(5):
        audit.event(f"record {number}", action="tried")
    handler.close()
    assert service.calls == ["PutRecord", "PutRecord"]  # the second one seals
    stored = b"".join(objects())
    assert stored.endswith(b"\n")
    documents = [json.loads(line) for line in stored.splitlines()]
    assert [each["message"] for each in documents if each["event"]["action"] == "tried"] == [
        f"record {number}" for number in range(5)
    ]
    report = audit_lib.verify(stored.splitlines())
    assert (report.problems, [chain.end for chain in report.chains]) == ((), ["sealed"])


def test_no_call_holds_more_than_the_service_takes_ends_included(
    audit: audit_lib.AuditLogger, handler: FirehoseHandler
) -> None:
    for number in range(5):
        audit.event(f"record {number}", action="tried", extra={"body": "x" * 400_000})
    audit.event("the longest", action="tried", extra={"body": "x" * 2_000_000})
    handler.close()
    sizes = [len(each) for each in objects()]
    assert max(sizes) <= 1_024_000
    assert max(sizes) > 800_000
    lines = b"".join(objects()).splitlines()
    assert len(lines) == 8
    assert audit_lib.verify(lines).problems == ()


def test_what_may_pass_is_tried_again(
    audit: audit_lib.AuditLogger, handler: FirehoseHandler, service: Service
) -> None:
    service.faults += [THROTTLED, BROKEN]
    audit.event("one", action="tried")
    handler.flush()
    assert b"".join(objects()).count(b'"message":"one"') == 1


def test_what_it_does_not_take_is_on_standard_error(
    audit: audit_lib.AuditLogger,
    handler: FirehoseHandler,
    service: Service,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.always = DENIED
    audit.event("one", action="tried")
    handler.flush()
    failed = capsys.readouterr().err
    assert "Firehose stream audit" in failed
    assert '"message":"one"' in failed
