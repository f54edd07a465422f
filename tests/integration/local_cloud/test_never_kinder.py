"""The embedded cloud is never kinder than AWS: what AWS refuses or would not do, it refuses as well."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from local_cloud import DeployError, LocalCloud
from tests.integration.local_cloud.templates import function

Deploy = Callable[..., Path]


def put_alarm(cloud: LocalCloud, name: str, **given: Any) -> None:
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=name, Namespace="n", MetricName="m", Statistic="Sum", Period=60, Threshold=1,
        EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold", **given,
    )  # fmt: skip


def code_of(call: Callable[..., Any], **given: Any) -> str:
    """Return the error code of a call that must be rejected."""
    with pytest.raises(ClientError) as rejected:
        call(**given)
    return str(rejected.value.response["Error"]["Code"])


@pytest.fixture
def alarms(cloud: LocalCloud) -> Callable[..., list[str]]:
    topic = cloud.arn("sns", "nowhere")
    put_alarm(cloud, "a-quiet")
    put_alarm(cloud, "a-rings", AlarmActions=[topic])
    put_alarm(cloud, "b-rings")
    for name in ("a-rings", "b-rings"):
        cloud.client("cloudwatch").set_alarm_state(
            AlarmName=name, StateValue="ALARM", StateReason="x"
        )

    def described(**given: Any) -> list[str]:
        found = cloud.client("cloudwatch").describe_alarms(**given)["MetricAlarms"]
        return [alarm["AlarmName"] for alarm in found]

    return described


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"AlarmNames": ["a-quiet", "a-rings"], "StateValue": "ALARM"}, ["a-rings"]),
        ({"AlarmNamePrefix": "a", "StateValue": "ALARM"}, ["a-rings"]),
        ({"AlarmNamePrefix": "b", "ActionPrefix": "arn:aws:sns"}, []),
        ({"StateValue": "INSUFFICIENT_DATA"}, ["a-quiet"]),
        ({"ActionPrefix": "arn:aws:sns"}, ["a-rings"]),
        ({"AlarmTypes": ["CompositeAlarm"]}, []),
        ({"MaxRecords": 2}, ["a-quiet", "a-rings"]),
        ({}, ["a-quiet", "a-rings", "b-rings"]),
    ],
)
def test_describe_alarms_obeys_all_its_parameters_together(
    alarms: Callable[..., list[str]], given: dict[str, Any], expected: list[str]
) -> None:
    assert alarms(**given) == expected


def test_alarms_come_in_pages(cloud: LocalCloud, alarms: Callable[..., list[str]]) -> None:
    pages = (
        cloud.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(PaginationConfig={"PageSize": 2})
    )
    assert [len(page["MetricAlarms"]) for page in pages] == [2, 1]
    with pytest.raises(ClientError, match="mutually exclusive"):
        alarms(AlarmNames=["a-quiet"], AlarmNamePrefix="a")


def test_an_update_of_an_alarm_keeps_its_state(
    cloud: LocalCloud, alarms: Callable[..., list[str]]
) -> None:
    put_alarm(cloud, "b-rings", AlarmDescription="new")
    assert "b-rings" in alarms(StateValue="ALARM")


def test_an_action_to_a_missing_topic_is_lost_with_a_warning(
    cloud: LocalCloud, alarms: Callable[..., list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    watch = cloud.client("cloudwatch")
    for state in ("OK", "ALARM"):
        watch.set_alarm_state(AlarmName="a-rings", StateValue=state, StateReason="x")
    assert alarms(StateValue="ALARM") == ["a-rings", "b-rings"]
    assert "check that it exists" in caplog.text


def test_a_rule_whose_function_is_missing_sends_its_event_nowhere(
    cloud: LocalCloud, caplog: pytest.LogCaptureFixture
) -> None:
    events = cloud.client("events")
    events.put_rule(Name="r", ScheduleExpression="rate(1 minute)")
    target = {"Id": "1", "Arn": cloud.arn("lambda", "function:missing")}
    events.put_targets(Rule="r", Targets=[target])
    cloud.advance(60)
    assert "function:missing does not allow events.amazonaws.com" in caplog.text


@pytest.mark.parametrize(("size", "status"), [(60_000, 200), (70_000, 413)])
def test_a_body_over_64_kb_is_refused_by_the_control_pages(
    cloud: LocalCloud, size: int, status: int
) -> None:
    body = json.dumps({"ignored": "x" * size}).encode()
    request = urllib.request.Request(
        f"{cloud.endpoint}/_cloud/settle", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            found = answer.status
    except HTTPError as error:
        found = error.code
    assert found == status


GROUP: dict[str, Any] = {"G": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/g"}}}


def create(cloud: LocalCloud, template: dict[str, Any], **parameters: str) -> str:
    """Create a stack; return the error of the call, or the stack's status."""
    stacks = cloud.client("cloudformation")
    given = [{"ParameterKey": name, "ParameterValue": v} for name, v in parameters.items()]
    try:
        stacks.create_stack(
            StackName="s",
            TemplateBody=json.dumps({"Resources": GROUP} | template),
            Parameters=given,
        )
    except ClientError as error:
        return str(error)
    return str(stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"])


@pytest.mark.parametrize(
    ("declared", "value", "expected"),
    [
        ({"AllowedValues": ["a", "b"]}, "a", "CREATE_COMPLETE"),
        ({"AllowedValues": ["a", "b"]}, "c", r"'P' must be one of the allowed values: [a, b]"),
        ({"AllowedPattern": "[a-z]+"}, "ab1", "'P' must match pattern [a-z]+"),
        ({"AllowedPattern": "[a-z]+", "ConstraintDescription": "is odd"}, "1", "'P' is odd"),
        ({"MinLength": 2}, "a", "length of 2 to any number of"),
        ({"MaxLength": "2"}, "abc", "length of 0 to 2"),
        ({"Type": "Number"}, "x", "must be a number"),
        ({"Type": "Number", "MinValue": 3}, "2", "a number of 3 to any"),
        ({"Type": "Number", "MaxValue": 3}, "3", "CREATE_COMPLETE"),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a"]}, "a,b", "[a]"),
        ({"Colour": "red"}, "a", "does not support Colour"),
    ],
)
def test_a_parameter_is_held_to_its_declaration(
    cloud: LocalCloud, declared: dict[str, Any], value: str, expected: str
) -> None:
    answer = create(cloud, {"Parameters": {"P": {"Type": "String"} | declared}}, P=value)
    assert expected in answer


def test_a_parameter_that_the_template_lacks_is_refused(cloud: LocalCloud) -> None:
    assert "Parameters: [P] do not exist in the template" in create(cloud, {}, P="x")


def test_a_parameter_with_no_echo_is_not_shown(cloud: LocalCloud) -> None:
    create(cloud, {"Parameters": {"P": {"Type": "String", "NoEcho": True}}}, P="secret")
    [stack] = cloud.client("cloudformation").describe_stacks()["Stacks"]
    assert stack["Parameters"] == [{"ParameterKey": "P", "ParameterValue": "****"}]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"Assertions": [{"Assert": {"Fn::Equals": [{"Ref": "P"}, "x"]}}]}, "CREATE_COMPLETE"),
        ({"Assertions": [{"Assert": {"Fn::Not": [{"Fn::Contains": [["x"], {"Ref": "P"}]}]},
                          "AssertDescription": "too old"}]}, "the rule R is not met: too old"),
        ({"RuleCondition": {"Fn::Equals": [{"Ref": "P"}, "y"]},
          "Assertions": [{"Assert": {"Fn::Equals": ["a", "b"]}}]}, "CREATE_COMPLETE"),
        ({"Assertions": [{"Assert": {"Fn::RefAll": "AWS::EC2::VPC::Id"}}]}, "Fn::RefAll"),
    ],
)  # fmt: skip
def test_rules_of_a_template_are_checked(
    cloud: LocalCloud, rule: dict[str, Any], expected: str
) -> None:
    template = {"Parameters": {"P": {"Type": "String"}}, "Rules": {"R": rule}}
    assert expected in create(cloud, template, P="x")


def test_attributes_of_a_resource_that_have_no_effect_are_refused(cloud: LocalCloud) -> None:
    for more in ({"UpdatePolicy": {}}, {"DeletionPolicy": "Snapshot"}):
        answer = create(cloud, {"Resources": {"G": GROUP["G"] | more}})
        assert "does not support" in answer
    assert cloud.health()["log_groups"] == {}


FAILING: dict[str, Any] = {
    "Resources": GROUP | {"Same": GROUP["G"] | {"DependsOn": "G"}},
    "Description": "submitted",
}


def test_the_template_of_a_failed_stack_is_what_was_submitted(cloud: LocalCloud) -> None:
    stacks = cloud.client("cloudformation")
    assert create(cloud, FAILING) == "ROLLBACK_COMPLETE"
    assert stacks.get_template(StackName="s")["TemplateBody"]["Description"] == "submitted"


def test_a_stack_whose_creation_failed_cannot_be_updated(cloud: LocalCloud) -> None:
    stacks = cloud.client("cloudformation")
    create(cloud, FAILING)
    template = json.dumps({"Resources": GROUP})
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        stacks.update_stack(StackName="s", TemplateBody=template)
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        stacks.create_change_set(StackName="s", ChangeSetName="c", TemplateBody=template)


def test_the_template_of_a_change_set_is_its_own(cloud: LocalCloud) -> None:
    stacks = cloud.client("cloudformation")
    create(cloud, {})
    body = json.dumps({"Resources": GROUP, "Description": "new"})
    stacks.create_change_set(StackName="s", ChangeSetName="c", TemplateBody=body)
    found = stacks.get_template(StackName="s", ChangeSetName="c")["TemplateBody"]
    assert found["Description"] == "new"


def test_what_is_retained_except_on_creation_is_deleted_by_a_rollback_alone(
    cloud: LocalCloud,
) -> None:
    kept = GROUP["G"] | {"DeletionPolicy": "RetainExceptOnCreate"}
    create(cloud, {"Resources": {"G": kept, "Same": GROUP["G"] | {"DependsOn": "G"}}})
    assert cloud.health()["log_groups"] == {}
    cloud.client("cloudformation").delete_stack(StackName="s")
    create(cloud, {"Resources": {"G": kept}})
    cloud.client("cloudformation").delete_stack(StackName="s")
    assert cloud.health()["log_groups"] == {"/g": 0}


ROOT: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
    "Action": "kms:*",
    "Resource": "*",
}
SERVICES: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"Service": ["logs.eu-west-1.amazonaws.com", "cloudwatch.amazonaws.com"]},
    "Action": "kms:*",
    "Resource": "*",
}


def new_key(cloud: LocalCloud, *statements: dict[str, Any]) -> str:
    policy = json.dumps({"Statement": list(statements or (ROOT, SERVICES))})
    return str(cloud.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"])


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion"])
def test_a_key_that_is_not_enabled_is_refused_by_everything_that_it_encrypts(
    cloud: LocalCloud, state: str
) -> None:
    key = new_key(cloud)
    logs, sqs, sns = (cloud.client(name) for name in ("logs", "sqs", "sns"))
    dynamodb, secrets = cloud.client("dynamodb"), cloud.client("secretsmanager")
    logs.create_log_group(logGroupName="/g", kmsKeyId=key)
    logs.create_log_stream(logGroupName="/g", logStreamName="s")
    url = sqs.create_queue(QueueName="q", Attributes={"KmsMasterKeyId": key})["QueueUrl"]
    topic = sns.create_topic(Name="t", Attributes={"KmsMasterKeyId": key})["TopicArn"]
    dynamodb.create_table(
        TableName="t", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )  # fmt: skip
    secrets.create_secret(Name="x", SecretString="y", KmsKeyId=key)
    now = cloud.clock.now_ms()
    event = {"timestamp": now, "message": "x"}
    calls: dict[str, Callable[[], Any]] = {
        "PutLogEvents": lambda: logs.put_log_events(
            logGroupName="/g", logStreamName="s", logEvents=[event]
        ),
        "FilterLogEvents": lambda: logs.filter_log_events(logGroupName="/g"),
        "GetLogEvents": lambda: logs.get_log_events(logGroupName="/g", logStreamName="s"),
        "SendMessage": lambda: sqs.send_message(QueueUrl=url, MessageBody="x"),
        "ReceiveMessage": lambda: sqs.receive_message(QueueUrl=url),
        "Publish": lambda: sns.publish(TopicArn=topic, Message="x"),
        "PutItem": lambda: dynamodb.put_item(TableName="t", Item={"id": {"S": "1"}}),
        "Query": lambda: dynamodb.scan(TableName="t"),
        "BatchWriteItem": lambda: dynamodb.batch_write_item(
            RequestItems={"t": [{"PutRequest": {"Item": {"id": {"S": "1"}}}}]}
        ),
        "GetSecretValue": lambda: secrets.get_secret_value(SecretId="x"),
    }
    for call in calls.values():
        call()
    if state == "Disabled":
        cloud.client("kms").disable_key(KeyId=key.rpartition("/")[2])
    else:
        cloud.client("kms").schedule_key_deletion(
            KeyId=key.rpartition("/")[2], PendingWindowInDays=7
        )
    denied = "AccessDeniedException"
    assert {name: code_of(call) for name, call in calls.items()} == {
        "PutLogEvents": denied, "FilterLogEvents": denied, "GetLogEvents": denied,
        "SendMessage": "KmsDisabled", "ReceiveMessage": "KmsDisabled", "Publish": "KMSDisabled",
        "PutItem": denied, "Query": denied, "BatchWriteItem": denied,
        "GetSecretValue": "DecryptionFailure",
    }  # fmt: skip
    assert code_of(
        logs.create_log_group, logGroupName="/new", kmsKeyId=key
    ) == "InvalidParameterException"  # fmt: skip
    assert set(cloud.health()["log_groups"]) == {"/g"}


def test_an_alarm_tells_no_topic_whose_key_is_disabled(
    cloud: LocalCloud, caplog: pytest.LogCaptureFixture
) -> None:
    key = new_key(cloud)
    topic = cloud.client("sns").create_topic(Name="t", Attributes={"KmsMasterKeyId": key})
    cloud.client("kms").disable_key(KeyId=key.rpartition("/")[2])
    put_alarm(cloud, "a", AlarmActions=[topic["TopicArn"]])
    cloud.client("cloudwatch").set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="x")
    assert "must be enabled" in caplog.text


def test_a_group_keeps_its_class_and_gives_it_back(cloud: LocalCloud) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/rare", logGroupClass="INFREQUENT_ACCESS")
    logs.create_log_group(logGroupName="/often")
    logs.create_log_group(
        logGroupName="/kept", logGroupClass="STANDARD", deletionProtectionEnabled=True
    )
    found = {g["logGroupName"]: g["logGroupClass"] for g in logs.describe_log_groups()["logGroups"]}
    assert found == {"/rare": "INFREQUENT_ACCESS", "/often": "STANDARD", "/kept": "STANDARD"}
    assert code_of(logs.delete_log_group, logGroupName="/kept") == "InvalidParameterException"
    rare = logs.describe_log_groups(logGroupClass="INFREQUENT_ACCESS")["logGroups"]
    assert [group["logGroupName"] for group in rare] == ["/rare"]
    with pytest.raises(ClientError, match="does not support the log group class DELIVERY"):
        logs.create_log_group(logGroupName="/d", logGroupClass="DELIVERY")


@pytest.mark.parametrize("limit", [1, 50])
def test_log_groups_come_in_pages_of_at_most_50(cloud: LocalCloud, limit: int) -> None:
    logs = cloud.client("logs")
    for number in range(2):
        logs.create_log_group(logGroupName=f"/{number}")
    assert len(logs.describe_log_groups(limit=limit)["logGroups"]) == min(limit, 2)


def test_a_destination_that_is_no_function_is_refused(cloud: LocalCloud) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/g")
    with pytest.raises(ClientError, match="does not support the destination"):
        logs.put_subscription_filter(
            logGroupName="/g", filterName="f", filterPattern="",
            destinationArn="arn:aws:firehose:eu-west-1:123456789012:deliverystream/d",
        )  # fmt: skip


def test_infrequent_access_has_no_filters_and_is_read_by_queries_alone(cloud: LocalCloud) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/rare", logGroupClass="INFREQUENT_ACCESS")
    cloud.put_lines("/rare", ["x"])
    transformation = {"metricName": "m", "metricNamespace": "n", "metricValue": "1"}
    refused = [
        code_of(
            logs.put_subscription_filter, logGroupName="/rare", filterName="f", filterPattern="",
            destinationArn=cloud.arn("lambda", "function:f"),
        ),
        code_of(
            logs.put_metric_filter, logGroupName="/rare", filterName="f", filterPattern="",
            metricTransformations=[transformation],
        ),
        code_of(logs.filter_log_events, logGroupName="/rare"),
        code_of(logs.get_log_events, logGroupName="/rare", logStreamName="app"),
    ]  # fmt: skip
    assert refused == ["InvalidOperationException"] * 4


def test_the_class_of_a_group_in_a_stack_cannot_be_changed(cloud: LocalCloud) -> None:
    def group(class_: str) -> dict[str, Any]:
        properties = {"LogGroupName": "/g", "LogGroupClass": class_}
        return {"Resources": {"G": {"Type": "AWS::Logs::LogGroup", "Properties": properties}}}

    assert create(cloud, group("INFREQUENT_ACCESS")) == "CREATE_COMPLETE"
    stacks = cloud.client("cloudformation")
    stacks.update_stack(StackName="s", TemplateBody=json.dumps(group("STANDARD")))
    assert stacks.describe_stacks()["Stacks"][0]["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_logs_insights_is_refused_with_what_is_not_evaluated(cloud: LocalCloud) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/g")
    with pytest.raises(ClientError, match=r"does not evaluate .* commands fields, filter, stats;"):
        logs.start_query(
            logGroupName="/g", startTime=0, endTime=1,
            queryString="fields @message | filter a = 1 | stats count(*) by b",
        )  # fmt: skip


READS_A_SECRET = """
import boto3
def handler(event, context):
    try:
        return boto3.client("secretsmanager").get_secret_value(SecretId="x")["SecretString"]
    except Exception as error:
        return str(error)
"""
MAY_READ = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
MAY_DECRYPT = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}


def invoked(cloud: LocalCloud) -> str:
    return str(json.loads(cloud.client("lambda").invoke(FunctionName="f")["Payload"].read()))


def test_a_secret_with_a_customers_key_needs_kms_decrypt(
    cloud: LocalCloud, assemble: Deploy
) -> None:
    key = new_key(cloud, ROOT)
    cloud.client("secretsmanager").create_secret(Name="x", SecretString="y", KmsKeyId=key)
    cloud.deploy(assemble(function(MAY_READ), READS_A_SECRET))
    assert f"not authorized to perform: kms:Decrypt on resource: {key}" in invoked(cloud)
    cloud.deploy(assemble(function(MAY_READ, MAY_DECRYPT), READS_A_SECRET))
    assert invoked(cloud) == "y"


def test_a_keys_policy_that_does_not_name_the_account_allows_nothing(
    cloud: LocalCloud, assemble: Deploy
) -> None:
    key = new_key(cloud, SERVICES)
    cloud.client("secretsmanager").create_secret(Name="x", SecretString="y", KmsKeyId=key)
    cloud.deploy(assemble(function(MAY_READ, MAY_DECRYPT), READS_A_SECRET))
    assert "because no resource-based policy allows the kms:Decrypt action" in invoked(cloud)


def test_a_permissions_boundary_denies_what_it_does_not_allow(
    cloud: LocalCloud, assemble: Deploy
) -> None:
    cloud.client("secretsmanager").create_secret(Name="x", SecretString="y")
    iam = cloud.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "logs:*", "Resource": "*"},
    ]})  # fmt: skip
    arn = iam.create_policy(PolicyName="b", PolicyDocument=document)["Policy"]["Arn"]
    resources = function(MAY_READ)
    resources["Role"]["Properties"]["PermissionsBoundary"] = arn
    cloud.deploy(assemble(resources, READS_A_SECRET))
    assert "because no permissions boundary allows the secretsmanager:GetSecretValue" in invoked(
        cloud
    )
    [role] = [r["RoleName"] for r in iam.list_roles()["Roles"]]
    assert iam.get_role(RoleName=role)["Role"]["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn,
    }  # fmt: skip
    del resources["Role"]["Properties"]["PermissionsBoundary"]
    cloud.deploy(assemble(resources, READS_A_SECRET))
    assert invoked(cloud) == "y"


def test_a_boundary_that_does_not_exist_fails(cloud: LocalCloud, assemble: Deploy) -> None:
    resources = function()
    arn = "arn:aws:iam::123456789012:policy/missing"
    resources["Role"]["Properties"]["PermissionsBoundary"] = arn
    with pytest.raises(DeployError, match="missing does not exist or is not attachable"):
        cloud.deploy(assemble(resources))


EXPIRES = json.dumps({"rules": [{
    "rulePriority": 1, "action": {"type": "expire"},
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5},
}]})  # fmt: skip


def test_what_changes_in_place_is_changed(cloud: LocalCloud, assemble: Deploy) -> None:
    resources = function()
    resources["Role"]["Properties"]["Tags"] = [
        {"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"},
    ]  # fmt: skip
    resources["Dead"]["Properties"] = {"MessageRetentionPeriod": 60, "SqsManagedSseEnabled": False}
    resources["F"]["Properties"]["Architectures"] = ["x86_64"]
    resources["B"] = {"Type": "AWS::S3::Bucket", "Properties": {
        "VersioningConfiguration": {"Status": "Enabled"},
        "PublicAccessBlockConfiguration": {"BlockPublicAcls": True},
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [
            {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
        ]},
        "LifecycleConfiguration": {"Rules": [
            {"Id": "r", "Status": "Enabled", "ExpirationInDays": 3}
        ]},
    }}  # fmt: skip
    policy = {"Version": "2012-10-17", "Statement": [ROOT | {"Action": "ecr:*"}]}
    resources["E"] = {"Type": "AWS::ECR::Repository", "Properties": {
        "RepositoryPolicyText": policy, "LifecyclePolicy": {"LifecyclePolicyText": EXPIRES},
    }}  # fmt: skip

    def answers() -> dict[str, Any]:
        [role] = [r["RoleName"] for r in cloud.client("iam").list_roles()["Roles"]]
        [url] = cloud.client("sqs").list_queues()["QueueUrls"]
        queue = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        s3, ecr = cloud.client("s3"), cloud.client("ecr")
        [bucket] = [
            b["Name"] for b in s3.list_buckets()["Buckets"] if not b["Name"].startswith("assets")
        ]
        [repository] = [r["repositoryName"] for r in ecr.describe_repositories()["repositories"]]

        def asked(call: Callable[..., Any], member: str, **given: Any) -> Any:
            try:
                return call(**given)[member]
            except ClientError:
                return None

        return {
            "tags": {t["Key"]: t["Value"]
                     for t in cloud.client("iam").list_role_tags(RoleName=role)["Tags"]},
            "retention": queue["Attributes"]["MessageRetentionPeriod"],
            "sse": queue["Attributes"]["SqsManagedSseEnabled"],
            "architectures": cloud.client("lambda").get_function_configuration(
                FunctionName="f")["Architectures"],
            "versioning": s3.get_bucket_versioning(Bucket=bucket)["Status"],
            "blocks": asked(s3.get_public_access_block, "PublicAccessBlockConfiguration",
                            Bucket=bucket) is not None,
            "days": asked(s3.get_bucket_lifecycle_configuration, "Rules", Bucket=bucket),
            "policy": asked(ecr.get_repository_policy, "policyText", repositoryName=repository),
            "rules": asked(ecr.get_lifecycle_policy, "lifecyclePolicyText",
                           repositoryName=repository),
        }  # fmt: skip

    cloud.deploy(assemble(resources))
    before = answers()
    assert before.pop("days")[0]["Expiration"] == {"Days": 3}
    assert json.loads(before.pop("policy"))["Statement"][0]["Action"] == "ecr:*"
    assert before == {
        "tags": {"a": "1", "b": "1"}, "retention": "60", "sse": "false", "versioning": "Enabled",
        "architectures": ["x86_64"], "blocks": True, "rules": EXPIRES,
    }  # fmt: skip
    resources["Role"]["Properties"]["Tags"] = [{"Key": "a", "Value": "2"}]
    resources["F"]["Properties"]["Architectures"] = ["arm64"]
    for id_ in ("Dead", "B", "E"):
        resources[id_]["Properties"] = {}
    cloud.deploy(assemble(resources))
    assert answers() == {
        "tags": {"a": "2"}, "retention": "345600", "sse": "true", "versioning": "Suspended",
        "architectures": ["arm64"], "blocks": False, "days": None, "policy": None, "rules": None,
    }  # fmt: skip


NAMED: dict[str, dict[str, Any]] = {
    "Logs::SubscriptionFilter": {
        "FilterName": "n", "LogGroupName": "/g", "FilterPattern": "",
        "DestinationArn": "arn:aws:lambda:eu-west-1:123456789012:function:f",
    },
    "Logs::MetricFilter": {
        "FilterName": "n", "LogGroupName": "/g", "FilterPattern": "", "MetricTransformations": [
            {"MetricName": "m", "MetricNamespace": "n", "MetricValue": "1"},
        ],
    },
    "CloudWatch::Alarm": {
        "AlarmName": "n", "MetricName": "m", "Namespace": "n", "Period": 60, "Threshold": 1,
        "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Statistic": "Sum",
    },
    "SNS::Topic": {"TopicName": "n"},
    "SSM::Parameter": {"Name": "n", "Type": "String", "Value": "v"},
    "Events::Rule": {
        "Name": "n", "ScheduleExpression": "rate(1 day)", "Targets": [
            {"Id": "1", "Arn": "arn:aws:lambda:eu-west-1:123456789012:function:f"},
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize("type_", NAMED)
def test_a_stack_does_not_take_over_what_exists(
    cloud: LocalCloud, assemble: Deploy, type_: str
) -> None:
    """As two trails with one subscription filter's name: the second stole the first's records."""
    cloud.deploy(assemble(function(), "def handler(event, context): pass"))
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/g")
    cloud.client("lambda").add_permission(
        FunctionName="f", StatementId="logs", Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
    )  # fmt: skip
    stacks = cloud.client("cloudformation")
    resources = {"R": {"Type": f"AWS::{type_}", "Properties": NAMED[type_]}}
    statuses = []
    for name in ("first", "second"):
        stacks.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
        [stack] = stacks.describe_stacks(StackName=name)["Stacks"]
        statuses.append(stack["StackStatus"])
    assert statuses == ["CREATE_COMPLETE", "ROLLBACK_COMPLETE"]
    events = stacks.describe_stack_events(StackName="second")["StackEvents"]
    assert f"Resource of type 'AWS::{type_}' already exists." in json.dumps(events, default=str)


ROLE: dict[str, Any] = {
    "AssumeRolePolicyDocument": {
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }],
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("properties", "capabilities", "needed"),
    [
        ({}, [], "CAPABILITY_IAM"),
        ({}, ["CAPABILITY_IAM"], None),
        ({}, ["CAPABILITY_NAMED_IAM"], None),
        ({"RoleName": "r"}, ["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM"),
        ({"RoleName": "r"}, ["CAPABILITY_NAMED_IAM"], None),
    ],
)
def test_iam_resources_must_be_acknowledged(
    cloud: LocalCloud, properties: dict[str, Any], capabilities: list[str], needed: str | None
) -> None:
    stacks = cloud.client("cloudformation")
    role = {"Type": "AWS::IAM::Role", "Properties": ROLE | properties}
    body = json.dumps({"Resources": {"R": role}})
    plain = json.dumps({"Resources": GROUP})
    stacks.create_stack(StackName="other", TemplateBody=plain)
    given: dict[str, Any] = {"TemplateBody": body, "Capabilities": capabilities}
    for call, name, more in (
        (stacks.create_stack, "s", {}),
        (stacks.update_stack, "other", {}),
        (stacks.create_change_set, "set", {"ChangeSetName": "c", "ChangeSetType": "CREATE"}),
    ):
        if needed is None:
            call(StackName=name, **given | more)
            if name != "set":
                assert stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"].endswith(
                    "_COMPLETE"
                )
                stacks.delete_stack(StackName=name)
        else:
            with pytest.raises(ClientError, match=rf"Requires capabilities : \[{needed}\]"):
                call(StackName=name, **given | more)
