"""CloudFormation: every type is created, changed and deleted; retention and dependencies."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud import LocalCloud
from local_cloud.resources import type_named
from local_cloud.resources.registry import known_types

Resources = dict[str, Any]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "lambda.amazonaws.com"},
        }
    ],
}


def may(action: str, resource: str = "*") -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


def of(type_: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{type_}", "Properties": properties}


ROLE = of("IAM::Role", AssumeRolePolicyDocument=TRUST)
FUNCTION = of(
    "Lambda::Function",
    Code={"ZipFile": "def handler(event, context): return 1"},
    Handler="index.handler",
    Role={"Fn::GetAtt": ["Role", "Arn"]},
    Runtime="python3.13",
)
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
TOPIC = of("SNS::Topic")
QUEUE = of("SQS::Queue")
GROUP = of("Logs::LogGroup", LogGroupName="/g")
REF_GROUP = {"Ref": "Group"}
FUNCTION_ARN = {"Fn::GetAtt": ["Function", "Arn"]}
LOGS_MAY_INVOKE = of(
    "Lambda::Permission", FunctionName={"Ref": "Function"}, Action="lambda:InvokeFunction",
    Principal="logs.amazonaws.com",
)  # fmt: skip
OWNER = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}


class Stacks:
    """Stacks of small templates."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud, self.client = cloud, cloud.client
        self.api = cloud.client("cloudformation")

    def put(self, resources: Resources, name: str = "S", **more: Any) -> str:
        """Create or change a stack; return its status."""
        exists = name in self.cloud.stacks.stacks
        call = self.api.update_stack if exists else self.api.create_stack
        call(
            StackName=name,
            TemplateBody=json.dumps({"Resources": resources, **more}),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        return self.status(name)

    def status(self, name: str = "S") -> str:
        return str(self.api.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])

    def physical(self, logical: str, name: str = "S") -> str:
        found = self.api.describe_stack_resource(StackName=name, LogicalResourceId=logical)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def statuses(self, logical: str) -> list[str]:
        events = self.api.describe_stack_events(StackName="S")["StackEvents"]
        return [e["ResourceStatus"] for e in reversed(events) if e["LogicalResourceId"] == logical]


@pytest.fixture
def stacks() -> Iterator[Stacks]:
    with LocalCloud() as cloud:
        yield Stacks(cloud)


def read(stacks: Stacks, service: str, operation: str, **given: Any) -> Any:
    return getattr(stacks.client(service), operation)(**given)


Look = Callable[[Stacks], Any]

# By type: other resources it needs, its properties before and after, how to read them, the values read.
CHANGES: dict[str, tuple[Resources, dict[str, Any], dict[str, Any], Look, Any, Any]] = {
    "KMS::Key": (
        {},
        {"KeyPolicy": {"Statement": [OWNER]}, "Description": "one"},
        {"KeyPolicy": {"Statement": [OWNER, OWNER | {"Sid": "two"}]}, "Description": "two"},
        lambda s: (
            read(s, "kms", "describe_key", KeyId=s.physical("It"))["KeyMetadata"]["Description"],
            len(json.loads(read(s, "kms", "get_key_policy", KeyId=s.physical("It"), PolicyName="default")["Policy"])["Statement"]),
        ),
        ("one", 1),
        ("two", 2),
    ),
    "Logs::LogGroup": (
        {},
        {"LogGroupName": "/it", "RetentionInDays": 1},
        {"LogGroupName": "/it", "DeletionProtectionEnabled": False},
        lambda s: read(s, "logs", "describe_log_groups")["logGroups"][0].get("retentionInDays"),
        1,
        None,
    ),
    "Logs::QueryDefinition": (
        {},
        {"Name": "q", "QueryString": "fields a"},
        {"Name": "q", "QueryString": "fields b"},
        lambda s: [q["queryString"] for q in read(s, "logs", "describe_query_definitions")["queryDefinitions"]],
        ["fields a"],
        ["fields b"],
    ),
    "Logs::MetricFilter": (
        {"Group": GROUP},
        {"LogGroupName": REF_GROUP, "FilterPattern": "", "MetricTransformations": [{"MetricName": "m", "MetricNamespace": "n", "MetricValue": "1"}]},
        {"LogGroupName": REF_GROUP, "FilterPattern": "{ $.a = 1 }", "MetricTransformations": [{"MetricName": "m", "MetricNamespace": "n", "MetricValue": "1"}]},
        lambda s: [f["filterPattern"] for f in read(s, "logs", "describe_metric_filters", logGroupName="/g")["metricFilters"]],
        [""],
        ["{ $.a = 1 }"],
    ),
    "Logs::SubscriptionFilter": (
        {"Group": GROUP, "Role": ROLE, "Function": FUNCTION, "May": LOGS_MAY_INVOKE},
        {"LogGroupName": REF_GROUP, "FilterPattern": "", "DestinationArn": FUNCTION_ARN},
        {"LogGroupName": REF_GROUP, "FilterPattern": "{ $.a = 1 }", "DestinationArn": FUNCTION_ARN},
        lambda s: [f["filterPattern"] for f in read(s, "logs", "describe_subscription_filters", logGroupName="/g")["subscriptionFilters"]],
        [""],
        ["{ $.a = 1 }"],
    ),
    "DynamoDB::Table": (
        {},
        {"BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]},
        {"BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "TimeToLiveSpecification": {"AttributeName": "t", "Enabled": True}},
        lambda s: read(s, "dynamodb", "describe_time_to_live", TableName=s.physical("It"))["TimeToLiveDescription"]["TimeToLiveStatus"],
        "DISABLED",
        "ENABLED",
    ),
    "SQS::Queue": (
        {},
        {"MessageRetentionPeriod": 60},
        {"MessageRetentionPeriod": 120},
        lambda s: read(s, "sqs", "get_queue_attributes", QueueUrl=s.physical("It"), AttributeNames=["MessageRetentionPeriod"])["Attributes"]["MessageRetentionPeriod"],
        "60",
        "120",
    ),
    "SQS::QueuePolicy": (
        {"Queue": QUEUE},
        {"Queues": [{"Ref": "Queue"}], "PolicyDocument": may("sqs:SendMessage")},
        {"Queues": [{"Ref": "Queue"}], "PolicyDocument": may("sqs:DeleteMessage")},
        lambda s: json.loads(read(s, "sqs", "get_queue_attributes", QueueUrl=s.physical("Queue"), AttributeNames=["Policy"])["Attributes"]["Policy"])["Statement"][0]["Action"],
        "sqs:SendMessage",
        "sqs:DeleteMessage",
    ),
    "SNS::Topic": (
        {},
        {"DisplayName": "one"},
        {"DisplayName": "two"},
        lambda s: read(s, "sns", "get_topic_attributes", TopicArn=s.physical("It"))["Attributes"]["DisplayName"],
        "one",
        "two",
    ),
    "SNS::TopicPolicy": (
        {"Topic": TOPIC},
        {"Topics": [{"Ref": "Topic"}], "PolicyDocument": may("sns:Publish")},
        {"Topics": [{"Ref": "Topic"}], "PolicyDocument": may("sns:Subscribe")},
        lambda s: json.loads(read(s, "sns", "get_topic_attributes", TopicArn=s.physical("Topic"))["Attributes"]["Policy"])["Statement"][0]["Action"],
        "sns:Publish",
        "sns:Subscribe",
    ),
    "SNS::Subscription": (
        {"Topic": TOPIC, "Queue": QUEUE},
        {"TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]}},
        {"TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]}, "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Queue", "Arn"]}}},
        lambda s: "deadLetter" in read(s, "sns", "get_subscription_attributes", SubscriptionArn=s.physical("It"))["Attributes"].get("RedrivePolicy", ""),
        False,
        True,
    ),
    "CloudWatch::Alarm": (
        {},
        {"Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"},
        {"Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 2, "ComparisonOperator": "GreaterThanThreshold"},
        lambda s: [a["Threshold"] for a in read(s, "cloudwatch", "describe_alarms")["MetricAlarms"]],
        [1.0],
        [2.0],
    ),
    "IAM::Role": (
        {},
        {"AssumeRolePolicyDocument": TRUST, "Policies": [{"PolicyName": "p", "PolicyDocument": may("a:A")}, {"PolicyName": "q", "PolicyDocument": may("q:Q")}]},
        {"AssumeRolePolicyDocument": TRUST, "Policies": [{"PolicyName": "p", "PolicyDocument": may("b:B")}], "ManagedPolicyArns": [BASIC]},
        lambda s: (
            [read(s, "iam", "get_role_policy", RoleName=s.physical("It"), PolicyName=name)["PolicyDocument"]["Statement"][0]["Action"] for name in read(s, "iam", "list_role_policies", RoleName=s.physical("It"))["PolicyNames"]],
            [each["PolicyArn"] for each in read(s, "iam", "list_attached_role_policies", RoleName=s.physical("It"))["AttachedPolicies"]],
        ),
        (["a:A", "q:Q"], []),
        (["b:B"], [BASIC]),
    ),
    "IAM::Policy": (
        {"Role": ROLE},
        {"PolicyName": "p", "Roles": [{"Ref": "Role"}], "PolicyDocument": may("a:A")},
        {"PolicyName": "p", "Roles": [{"Ref": "Role"}], "PolicyDocument": may("b:B")},
        lambda s: read(s, "iam", "get_role_policy", RoleName=s.physical("Role"), PolicyName="p")["PolicyDocument"]["Statement"][0]["Action"],
        "a:A",
        "b:B",
    ),
    "Lambda::Function": (
        {"Role": ROLE},
        FUNCTION["Properties"],
        FUNCTION["Properties"] | {"Timeout": 9, "Code": {"ZipFile": "def handler(event, context): return 2"}},
        lambda s: (
            read(s, "lambda", "get_function_configuration", FunctionName=s.physical("It"))["Timeout"],
            read(s, "lambda", "invoke", FunctionName=s.physical("It"))["Payload"].read(),
        ),
        (3, b"1"),
        (9, b"2"),
    ),
    "Lambda::Permission": (
        {"Role": ROLE, "Function": FUNCTION},
        {"FunctionName": {"Ref": "Function"}, "Action": "lambda:InvokeFunction", "Principal": "sns.amazonaws.com"},
        {"FunctionName": {"Ref": "Function"}, "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"},
        lambda s: [each["Principal"]["Service"] for each in json.loads(read(s, "lambda", "get_policy", FunctionName=s.physical("Function"))["Policy"])["Statement"]],
        ["sns.amazonaws.com"],
        ["events.amazonaws.com"],
    ),
    "Events::Rule": (
        {"Role": ROLE, "Function": FUNCTION},
        {"ScheduleExpression": "rate(1 minute)", "Targets": [{"Id": "a", "Arn": FUNCTION_ARN}, {"Id": "b", "Arn": FUNCTION_ARN}]},
        {"ScheduleExpression": "rate(2 minutes)", "Targets": [{"Id": "a", "Arn": FUNCTION_ARN}]},
        lambda s: (
            read(s, "events", "describe_rule", Name=s.physical("It"))["ScheduleExpression"],
            [t["Id"] for t in read(s, "events", "list_targets_by_rule", Rule=s.physical("It"))["Targets"]],
        ),
        ("rate(1 minute)", ["a", "b"]),
        ("rate(2 minutes)", ["a"]),
    ),
    "S3::Bucket": (
        {},
        {"BucketName": "bucket-of-it", "VersioningConfiguration": {"Status": "Suspended"}},
        {"BucketName": "bucket-of-it", "VersioningConfiguration": {"Status": "Enabled"}},
        lambda s: read(s, "s3", "get_bucket_versioning", Bucket="bucket-of-it")["Status"],
        "Suspended",
        "Enabled",
    ),
    "S3::BucketPolicy": (
        {"Bucket": of("S3::Bucket", BucketName="bucket")},
        {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": may("s3:GetObject", "arn:aws:s3:::bucket/*")},
        {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": may("s3:PutObject", "arn:aws:s3:::bucket/*")},
        lambda s: json.loads(read(s, "s3", "get_bucket_policy", Bucket="bucket")["Policy"])["Statement"][0]["Action"],
        "s3:GetObject",
        "s3:PutObject",
    ),
    "SSM::Parameter": (
        {},
        {"Name": "p", "Type": "String", "Value": "1"},
        {"Name": "p", "Type": "String", "Value": "2"},
        lambda s: read(s, "ssm", "get_parameter", Name="p")["Parameter"]["Value"],
        "1",
        "2",
    ),
    "ECR::Repository": (
        {},
        {"RepositoryName": "repository", "ImageTagMutability": "MUTABLE"},
        {"RepositoryName": "repository", "ImageTagMutability": "IMMUTABLE"},
        lambda s: read(s, "ecr", "describe_repositories")["repositories"][0]["imageTagMutability"],
        "MUTABLE",
        "IMMUTABLE",
    ),
}  # fmt: skip


@pytest.mark.parametrize("type_", CHANGES)
def test_each_type_is_made_changed_rolled_back_and_deleted(stacks: Stacks, type_: str) -> None:
    around, before, after, look, seen_before, seen_after = CHANGES[type_]
    first = around | {"It": of(type_, **before)}
    assert stacks.put(first) == "CREATE_COMPLETE"
    assert look(stacks) == seen_before

    # A later change fails: this one is undone.
    broken = of("Logs::LogGroup", LogGroupName="/broken", RetentionInDays=2) | {"DependsOn": "It"}
    changed = around | {"It": of(type_, **after)}
    assert stacks.put(changed | {"Z": broken}) == "UPDATE_ROLLBACK_COMPLETE"
    assert look(stacks) == seen_before

    assert stacks.put(changed) == "UPDATE_COMPLETE"
    assert look(stacks) == seen_after
    stacks.api.delete_stack(StackName="S")
    with pytest.raises(ClientError, match="does not exist"):
        stacks.status()
    with suppress(ClientError, IndexError):  # it no longer exists
        assert look(stacks) == [], "something is left"
    assert stacks.put(first) == "CREATE_COMPLETE", "nothing was left in the way"


ARN = "arn:aws:{}:eu-west-1:123456789012:{}".format
# By type: the values of `Ref` and of each `Fn::GetAtt`; `*` stands for what AWS generates.
GIVES: dict[str, tuple[str, dict[str, str]]] = {
    "KMS::Key": ("????????-*", {"Arn": ARN("kms", "key/????????-*"), "KeyId": "????????-*"}),
    "Logs::LogGroup": ("/it", {"Arn": ARN("logs", "log-group:/it:[*]")}),
    "DynamoDB::Table": ("S-It-*", {"Arn": ARN("dynamodb", "table/S-It-*")}),
    "SQS::Queue": (
        "https://sqs.eu-west-1.amazonaws.com/123456789012/S-It-*",
        {"Arn": ARN("sqs", "S-It-*"), "QueueName": "S-It-*", "QueueUrl": "https://sqs.*/S-It-*"},
    ),
    "SNS::Topic": (
        ARN("sns", "S-It-*"),
        {"TopicArn": ARN("sns", "S-It-*"), "TopicName": "S-It-*"},
    ),
    "SNS::Subscription": (ARN("sns", "S-Topic-*:*"), {}),
    "Logs::MetricFilter": ("S-It-*", {}),
    "Logs::SubscriptionFilter": ("S-It-*", {}),
    "CloudWatch::Alarm": ("S-It-*", {"Arn": ARN("cloudwatch", "alarm:S-It-*")}),
    "IAM::Role": ("S-It-*", {"Arn": "arn:aws:iam::123456789012:role/S-It-*", "RoleId": "AROA*"}),
    "Lambda::Function": ("S-It-*", {"Arn": ARN("lambda", "function:S-It-*")}),
    "Lambda::Permission": ("S-It-*", {}),
    "Events::Rule": ("S-It-*", {"Arn": ARN("events", "rule/S-It-*")}),
    "S3::Bucket": (
        "bucket-of-it",
        {
            "Arn": "arn:aws:s3:::bucket-of-it",
            "DomainName": "bucket-of-it.s3.amazonaws.com",
            "RegionalDomainName": "bucket-of-it.s3.eu-west-1.amazonaws.com",
        },
    ),
    "SSM::Parameter": ("p", {"Type": "String", "Value": "1"}),
    "ECR::Repository": ("repository", {"Arn": ARN("ecr", "repository/repository")}),
}


@pytest.mark.parametrize("type_", GIVES)
def test_ref_and_get_att_give_what_aws_gives(stacks: Stacks, type_: str) -> None:
    around, properties, *_ = CHANGES[type_]
    ref, attributes = GIVES[type_]
    outputs = {name: {"Value": {"Fn::GetAtt": ["It", name]}} for name in attributes}
    resources = around | {"It": of(type_, **properties)}
    stacks.put(resources, Outputs=outputs | {"Ref": {"Value": {"Ref": "It"}}})
    [stack] = stacks.api.describe_stacks(StackName="S")["Stacks"]
    found = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    for name, pattern in (attributes | {"Ref": ref}).items():
        assert fnmatchcase(found[name], pattern), (name, found[name])


def test_an_attribute_that_there_is_not_fails_the_deployment(stacks: Stacks) -> None:
    assert stacks.put({"T": TOPIC}, Outputs={"O": {"Value": {"Fn::GetAtt": ["T", "None"]}}}) == (
        "ROLLBACK_COMPLETE"
    )


def test_the_table_above_holds_every_type() -> None:
    nothing = {"AWS::CDK::Metadata"}  # it creates nothing
    assert {f"AWS::{type_}" for type_ in CHANGES} == set(known_types()) - nothing


def test_a_managed_policy_that_there_is_not_is_refused(stacks: Stacks) -> None:
    arn = "arn:aws:iam::aws:policy/Nothing"
    role = of("IAM::Role", AssumeRolePolicyDocument=TRUST, ManagedPolicyArns=[arn])
    assert stacks.put({"R": role}) == "ROLLBACK_COMPLETE"
    assert stacks.client("iam").list_roles()["Roles"] == []


def kept(type_: str, **properties: Any) -> dict[str, Any]:
    return of(type_, **properties) | {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


def group_names(stacks: Stacks) -> list[str]:
    found = stacks.client("logs").describe_log_groups()["logGroups"]
    return [group["logGroupName"] for group in found]


def test_what_is_retained_stays_when_it_leaves_the_template(stacks: Stacks) -> None:
    group = kept("Logs::LogGroup", LogGroupName="/kept")
    stacks.put({"Kept": group, "Topic": TOPIC, "Gone": of("Logs::LogGroup", LogGroupName="/gone")})
    assert stacks.put({"Topic": TOPIC}) == "UPDATE_COMPLETE"
    assert group_names(stacks) == ["/kept"]
    assert stacks.statuses("Kept")[-1] == "DELETE_SKIPPED"
    assert stacks.statuses("Gone")[-1] == "DELETE_COMPLETE"


def test_what_is_retained_stays_when_another_takes_its_place(stacks: Stacks) -> None:
    stacks.put({"G": kept("Logs::LogGroup", LogGroupName="/one")})
    assert stacks.put({"G": kept("Logs::LogGroup", LogGroupName="/two")}) == "UPDATE_COMPLETE"
    assert group_names(stacks) == ["/one", "/two"]
    assert stacks.physical("G") == "/two"
    plain = of("Logs::LogGroup", LogGroupName="/three")
    assert stacks.put({"G": plain}) == "UPDATE_COMPLETE"
    assert "/three" in group_names(stacks)


def test_what_another_takes_the_place_of_goes_after_it_was_made(stacks: Stacks) -> None:
    group = {"Topic": TOPIC, "G": of("Logs::LogGroup", LogGroupName="/one")}
    stacks.put(group)
    assert stacks.put(group | {"G": of("Logs::LogGroup", LogGroupName="/two")}) == "UPDATE_COMPLETE"
    assert group_names(stacks) == ["/two"]
    assert stacks.statuses("G")[-4:] == [
        "CREATE_IN_PROGRESS",
        "CREATE_COMPLETE",
        "DELETE_IN_PROGRESS",
        "DELETE_COMPLETE",
    ]


def test_a_logical_id_can_get_another_type(stacks: Stacks) -> None:
    stacks.put({"X": of("SQS::Queue"), "G": GROUP})
    assert stacks.put({"X": of("SNS::Topic"), "G": GROUP}) == "UPDATE_COMPLETE"
    assert stacks.physical("X").startswith("arn:aws:sns:")
    assert "QueueUrls" not in stacks.client("sqs").list_queues()


def test_a_failed_first_deploy_keeps_what_is_retained(stacks: Stacks) -> None:
    """As on AWS; `audit deploy` takes it over."""
    bad = of("Logs::LogGroup", LogGroupName="/bad", RetentionInDays=2) | {"DependsOn": "Kept"}
    status = stacks.put({"Kept": kept("Logs::LogGroup", LogGroupName="/kept"), "Bad": bad})
    assert status == "ROLLBACK_COMPLETE"
    assert group_names(stacks) == ["/kept"]


def test_a_stack_uses_what_another_exports(stacks: Stacks) -> None:
    output = {"Out": {"Value": {"Ref": "T"}, "Export": {"Name": "topic"}}}
    stacks.put({"T": TOPIC}, "A", Outputs=output)
    uses = of(
        "SNS::TopicPolicy",
        Topics=[{"Fn::ImportValue": "topic"}],
        PolicyDocument=may("sns:Publish"),
    )
    assert stacks.put({"P": uses}, "B") == "CREATE_COMPLETE"
    exports = stacks.api.list_exports()["Exports"]
    assert [(e["Name"], e["Value"]) for e in exports] == [("topic", stacks.physical("T", "A"))]
    importing = stacks.api.list_imports(ExportName="topic")["Imports"]
    assert importing == ["B"]
    with pytest.raises(ClientError, match="in use by B"):
        stacks.api.delete_stack(StackName="A")
    status = stacks.put({"T": TOPIC, "G": GROUP}, "A")
    assert status == "UPDATE_ROLLBACK_COMPLETE", "an export in use stays"
    assert stacks.physical("T", "A")
    stacks.api.delete_stack(StackName="B")
    stacks.api.delete_stack(StackName="A")
    with pytest.raises(ClientError, match="does not exist"):
        stacks.status("A")


def test_a_bad_import_is_refused(stacks: Stacks) -> None:
    stacks.client("logs").create_log_group(logGroupName="/g")

    def change_set(resources: Resources, *wanted: tuple[str, str, str]) -> None:
        stacks.api.create_change_set(
            StackName="I", ChangeSetName="i", ChangeSetType="IMPORT",
            TemplateBody=json.dumps({"Resources": resources}),
            ResourcesToImport=[
                {"ResourceType": kind, "LogicalResourceId": id_,
                 "ResourceIdentifier": {type_named(kind).identifier or "Name": name}}  # type: ignore[union-attr]
                for id_, kind, name in wanted
            ],
        )  # fmt: skip

    group = ("G", "AWS::Logs::LogGroup", "/g")
    with pytest.raises(ClientError, match="must have a DeletionPolicy"):
        change_set({"G": GROUP}, group)
    with pytest.raises(ClientError, match="you cannot modify or add"):
        change_set({"G": kept("Logs::LogGroup", LogGroupName="/g"), "T": TOPIC}, group)
    with pytest.raises(ClientError, match="not supported for Import"):
        change_set({"T": kept("SNS::Topic")}, ("T", "AWS::SNS::Topic", "t"))
    stacks.put({"G": kept("Logs::LogGroup", LogGroupName="/other")}, "O")
    other = kept("Logs::LogGroup", LogGroupName="/other")
    with pytest.raises(ClientError, match="belongs to the stack O"):
        change_set({"G": other}, ("G", "AWS::Logs::LogGroup", "/other"))
    change_set({"G": kept("Logs::LogGroup", LogGroupName="/none")}, ("G", group[1], "/none"))
    stacks.api.execute_change_set(StackName="I", ChangeSetName="i")
    assert stacks.status("I") == "IMPORT_ROLLBACK_COMPLETE"
