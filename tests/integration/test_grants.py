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
GRANTS = {"audit-router": 6, "audit-forwarder": 11}
IDS = count(1)


class Trail:
    """The trail, and a scenario that exercises every permission."""

    def __init__(self, world: World) -> None:
        self.world, self.cloud, self.client = world, world.cloud, world.cloud.client

    def outcome(self) -> dict[str, int]:
        """Run the scenario, and return the counts of its results."""
        self.world.wait_until_quiet()
        before = self._counts()
        self._line("payout_account", "iban")
        at_once = len(self.world.receivers["slack"].received)
        self.world.receivers["slack"].answers.append((404, {}))
        self._line("user", "mfa_phone")
        claims = self._claims()  # released, for the next invocation
        self.cloud.advance(120)
        self._line("user", "mfa_phone")  # while its alarm is in ALARM
        self.cloud.functions.invoke_later("audit-router", {"awslogs": {"data": "poison"}})
        self.cloud.functions.invoke_later("audit-forwarder", "poison")
        self.cloud.functions.invoke_later("audit-router", self._too_old())
        self.cloud.settle()
        self.cloud.advance(300)
        after = self._counts()
        outcome = {name: after[name] - before[name] for name in after}
        # The number of sweeps depends on the minute; only whether they write is compared.
        logs = {name: min(outcome[name], 1) for name in ("router's log", "forwarder's log")}
        return outcome | logs | {"at once": at_once - before["slack"], "claims": claims}

    def _claims(self) -> int:
        items = self.client("dynamodb").scan(TableName="audit-told")["Items"]
        return sum(item.get("state") == {"S": "claimed"} for item in items)

    def _line(self, record_type: str, field: str) -> None:
        # A new stream each time: the router has to create it.
        number = next(IDS)
        changes = {"record_type": record_type, "record_id": "7", "fields": {field: "updated"}}
        line = {
            "log": {"logger": "shop.audit"}, "message": "m", "changes": changes,
            "event": {"id": f"e{number}", "action": "user-updated"},
        }  # fmt: skip
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
        groups = self.cloud.health()["log_groups"]
        sqs = self.client("sqs")
        waiting = {
            url.rpartition("/")[2]: int(
                sqs.get_queue_attributes(
                    QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
                )["Attributes"]["ApproximateNumberOfMessages"]
            )
            for url in sqs.list_queues()["QueueUrls"]
        }
        return {
            "slack": len(self.world.receivers["slack"].received),
            "mail": len(self.world.receivers["email"].received),
            "kept": groups["/audit/records"],
            "router's log": groups["/aws/lambda/audit-router"],
            "forwarder's log": groups["/aws/lambda/audit-forwarder"],
            **waiting,
        }


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
        less = json.dumps(without(document, number, action, resource))
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=less)
        if trail.outcome() == whole:
            unseen.add((action, resource.rpartition("/")[2]))
        else:
            missed += 1
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
        trail.cloud.advance(600)  # delayed records are notified before the next run
    assert unseen == (UNSEEN if function == "audit-forwarder" else set())
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
    trail.cloud.advance(600)


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
    assert trail.outcome()["at once"] < whole["at once"]
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=attributes["Policy"]
    )
    trail.cloud.advance(600)

    key_id = key.rpartition("/")[2]
    document = json.loads(kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"])
    [statement] = [s for s in document["Statement"] if s.get("Sid") == "AlarmsMaySpeakInSecret"]
    for action in statement["Action"]:
        fewer = [each for each in statement["Action"] if each != action]
        others = [s for s in document["Statement"] if s is not statement]
        less = json.dumps(document | {"Statement": [*others, statement | {"Action": fewer}]})
        kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=less)
        assert trail.outcome()["at once"] < whole["at once"], action
        kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=json.dumps(document))
        trail.cloud.advance(600)


def test_without_the_subscriptions_permission_nothing_is_copied(
    trail: Trail, whole: dict[str, int]
) -> None:
    """This test runs last: restoring the permission does not create the subscription again."""
    with no_permission(trail, "audit-router", "logs.amazonaws.com"):
        assert trail.outcome()["kept"] == 0
