"""Each permission of the deployed template is required: without it, a result is missing, as on AWS."""

import copy
import gzip
import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from audit_ops.world import World
from audit_rules import load_config
from tests.synthesis import ROOT, Template

# Permissions that the scenario does not exercise. AWS's documentation does not say which of SES's two
# actions the v2 API requires for a raw message; a domain's identity is required if only it is verified.
UNSEEN = {("ses:SendEmail", "audit@example.com"), ("ses:SendEmail", "example.com")}
UNSEEN |= {("ses:SendRawEmail", "example.com")}
# Nor which actions on a table's key its caller needs, beside the one that the embedded cloud checks.
KEY = {"kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"}
GRANTS = {"audit-router": 7, "audit-matcher": 9, "audit-teller": 15, "audit-forwarder": 13}
IDS = count(1)
pytestmark = pytest.mark.large  # each grant is a run of the scenario


class Trail:
    """The trail, and a scenario that exercises every permission."""

    def __init__(self, world: World) -> None:
        self.world, self.cloud, self.client = world, world.cloud, world.cloud.client
        subscriptions = self.client("logs").describe_subscription_filters(
            logGroupName="/audit/records"
        )
        [self._matcher] = subscriptions["subscriptionFilters"]

    def outcome(self) -> dict[str, int]:
        """Run the scenario, and return the counts of its results."""
        self.world.wait_until_quiet()
        before, errors = self._counts(), self._errors()
        self._line("user-updated", "payout_account", "iban")
        for _ in range(3):
            self._line("login")
        at_once = self._told()
        self.world.receivers["slack"].answers.append((404, {}))
        self._line("user-updated", "user", "mfa_phone")  # the channel is closed for 15 minutes
        noticed = self._told()
        with self._no_delivery():
            self._line("order-refunded", "order", "refunded")
            found = self._told()
            for _ in range(3):  # their alarm is in ALARM already: found by the schedule
                self._line("login")
            self.cloud.advance(60)
        self.cloud.functions.invoke_later(
            "audit-teller", {"channel": "finance-slack", "keys": ["?"]}
        )
        for function in ("matcher", "forwarder"):
            self.cloud.functions.invoke_later(f"audit-{function}", "poison")
        self.cloud.functions.invoke_later("audit-router", {"awslogs": {"data": "poison"}})
        self.cloud.functions.invoke_later("audit-router", self._too_old())
        self.cloud.settle()
        self.cloud.advance(17 * 60)
        after = self._counts()
        outcome = {name: after[name] - before[name] for name in after}
        outcome |= {name: number - errors[name] for name, number in self._errors().items()}
        # The number of sweeps depends on the minute; only whether they write is compared.
        outcome |= {name: min(n, 1) for name, n in outcome.items() if name.endswith("'s log")}
        told = {"at once": at_once, "noticed": noticed, "found": found}
        return outcome | {name: count - before["told"] for name, count in told.items()}

    def _told(self) -> int:
        items = self.client("dynamodb").scan(TableName=self._table())["Items"]
        return sum(item["state"]["S"] == "told" for item in items if "version" in item)

    def _table(self) -> str:
        [table] = self.client("dynamodb").list_tables()["TableNames"]
        return str(table)

    def _errors(self) -> dict[str, int]:
        """Return the number of failed invocations and calls to wake the teller, and of all lines of the logs."""
        logs, found = self.client("logs"), {}
        for name in ("router", "matcher", "teller", "forwarder"):
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=f"/aws/lambda/audit-{name}"
            )
            lines = [event["message"] for page in pages for event in page["events"]]
            signs = ("[ERROR]", '"wake"', "not matched", "could not be written")
            failed = [each for each in lines if any(sign in each for sign in signs)]
            found |= {f"{name}'s errors": len(failed), f"{name}'s log": len(lines)}
        return found

    @contextmanager
    def _no_delivery(self) -> Iterator[None]:
        """The matcher gets no records; they are found by their alarm."""
        logs = self.client("logs")
        group = {"logGroupName": "/audit/records", "filterName": "matcher"}
        logs.delete_subscription_filter(**group)
        yield
        arn = self._matcher["destinationArn"]
        logs.put_subscription_filter(**group, filterPattern="", destinationArn=arn)

    def _line(self, action: str, record_type: str = "", field: str = "") -> None:
        # A new stream each time: the router has to create it.
        number = next(IDS)
        line: dict[str, Any] = {
            "log": {"logger": "shop.audit"}, "message": "m",
            "event": {"id": f"e{number}", "action": action, "outcome": "success"},
        }  # fmt: skip
        if field:
            line["changes"] = {
                "record_type": record_type, "record_id": "7", "fields": {field: "updated"},
                "after": {field: 1200},
            }  # fmt: skip
        else:
            line["event"]["outcome"] = "failure"
        self.cloud.put_lines("/app/shop", [json.dumps(line)], stream=f"s{number}")
        self.cloud.settle()

    def _too_old(self) -> dict[str, Any]:
        event = {"id": "x", "timestamp": self.cloud.clock.now_ms() - 20 * 24 * 3600 * 1000}
        payload = {
            "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/app/shop",
            "logStream": "s", "subscriptionFilters": ["f"], "logEvents": [event | {"message": "{}"}],
        }  # fmt: skip
        return {
            "awslogs": {"data": b64encode(gzip.compress(json.dumps(payload).encode())).decode()}
        }

    def _counts(self) -> dict[str, int]:
        sqs = self.client("sqs")
        waiting = {
            url.rpartition("/")[2]: int(
                sqs.get_queue_attributes(
                    QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
                )["Attributes"]["ApproximateNumberOfMessages"]
            )
            for url in sqs.list_queues()["QueueUrls"]
        }
        pages = (
            self.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName="/audit/records")
        )
        streams = [event["logStreamName"] for page in pages for event in page["events"]]
        own = sum(stream.startswith("audit_trail/") for stream in streams)
        kept = {"kept": len(streams) - own, "trail's log": own}
        return {"told": self._told(), **kept, **waiting}


@pytest.fixture(scope="module")
def trail(template: Template) -> Iterator[Trail]:
    with World() as world:
        world.prepare(load_config(ROOT / "audit.toml"))
        world.cloud.deploy(template.folder)
        world.cloud.settle()
        yield Trail(world)


@pytest.fixture(scope="module")
def whole(trail: Trail) -> dict[str, int]:
    """The results of the scenario with all permissions."""
    outcome = trail.outcome()
    assert outcome == trail.outcome(), "the scenario has to repeat itself"
    return outcome


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def grants(document: dict[str, Any]) -> Iterator[tuple[int, str, str]]:
    """Yield each statement's number, with each action on each resource."""
    for number, statement in enumerate(document["Statement"]):
        for action in listed(statement["Action"]):
            for resource in listed(statement["Resource"]):
                yield number, action, resource


def without(document: dict[str, Any], number: int, action: str, resource: str) -> dict[str, Any]:
    """Return the document without one permission."""
    less = copy.deepcopy(document)
    statement = less["Statement"].pop(number)
    for each in listed(statement["Action"]):
        resources = [r for r in listed(statement["Resource"]) if (each, r) != (action, resource)]
        if resources:
            less["Statement"].append(statement | {"Action": each, "Resource": resources})
    return less


@pytest.mark.parametrize("function", GRANTS)
def test_a_role_has_no_grant_that_is_not_missed(
    trail: Trail, whole: dict[str, int], function: str
) -> None:
    iam = trail.client("iam")
    found = trail.client("lambda").get_function_configuration(FunctionName=function)
    role = found["Role"].rpartition("/")[2]
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    missed, unseen = 0, set()
    for number, action, resource in grants(document):
        if action in KEY:
            continue
        less = json.dumps(without(document, number, action, resource))
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=less)
        if trail.outcome() == whole:
            unseen.add((action, resource.rpartition("/")[2]))
        else:
            missed += 1
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
        trail.cloud.advance(1200)  # delayed records are notified before the next run
    assert {each for each in unseen if each[0] not in KEY} == (
        UNSEEN if function == "audit-teller" else set()
    )
    assert missed == GRANTS[function]


@contextmanager
def no_permission(trail: Trail, function: str, service: str) -> Iterator[None]:
    functions = trail.client("lambda")
    statements = json.loads(functions.get_policy(FunctionName=function)["Policy"])["Statement"]
    [statement] = [s for s in statements if s["Principal"] == {"Service": service}]
    condition = statement["Condition"]
    functions.remove_permission(FunctionName=function, StatementId=statement["Sid"])
    yield
    functions.add_permission(
        FunctionName=function, StatementId=statement["Sid"], Action="lambda:InvokeFunction",
        Principal=service, SourceArn=condition["ArnLike"]["AWS:SourceArn"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("service", "queue"),
    [("sns.amazonaws.com", "AlarmsUndelivered"), ("events.amazonaws.com", "SweepUndelivered")],
)
def test_what_may_not_be_delivered_lies_in_its_queue_if_that_may_be(
    trail: Trail, whole: dict[str, int], service: str, queue: str
) -> None:
    sqs = trail.client("sqs")
    [url] = [url for url in sqs.list_queues()["QueueUrls"] if queue in url]
    name = url.rpartition("/")[2]
    with no_permission(trail, "audit-forwarder", service):
        assert whole[name] == 0
        assert trail.outcome()[name] > 0
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
        policy = json.loads(attributes["Policy"])
        denies = [s for s in policy["Statement"] if s["Effect"] == "Deny"]
        assert len(denies) == len(policy["Statement"]) - 1
        less = json.dumps(policy | {"Statement": denies})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": less})
        assert trail.outcome()[name] == 0
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": attributes["Policy"]})
    trail.cloud.advance(1200)


def test_alarms_speak_by_the_topics_policy_and_its_keys(
    trail: Trail, whole: dict[str, int]
) -> None:
    sns, kms = trail.client("sns"), trail.client("kms")
    [topic] = [t["TopicArn"] for t in sns.list_topics()["Topics"]]
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    policy, key = json.loads(attributes["Policy"]), attributes["KmsMasterKeyId"]
    denies = [s for s in policy["Statement"] if s["Effect"] == "Deny"]
    less = json.dumps(policy | {"Statement": denies})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=less)
    assert trail.outcome()["found"] < whole["found"]
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=attributes["Policy"]
    )
    trail.cloud.advance(1200)

    key_id = key.rpartition("/")[2]
    document = json.loads(kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"])
    [statement] = [s for s in document["Statement"] if s.get("Sid") == "AlarmsMaySpeakInSecret"]
    for action in statement["Action"]:
        fewer = [each for each in statement["Action"] if each != action]
        others = [s for s in document["Statement"] if s is not statement]
        less = json.dumps(document | {"Statement": [*others, statement | {"Action": fewer}]})
        kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=less)
        assert trail.outcome()["found"] < whole["found"], action
        kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=json.dumps(document))
        trail.cloud.advance(1200)


def test_without_the_subscriptions_permission_nothing_is_copied(
    trail: Trail, whole: dict[str, int]
) -> None:
    """This test runs last: restoring the permission does not create the subscription again."""
    with no_permission(trail, "audit-router", "logs.amazonaws.com"):
        assert trail.outcome()["kept"] == 0
