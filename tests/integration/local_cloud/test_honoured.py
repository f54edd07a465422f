"""No parameter is accepted and ignored: a call with one that is not honoured is rejected by its name."""

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from local_cloud import LocalCloud
from local_cloud.services.honoured import (
    HONOURED,
    kept_only,
    not_honoured,
    parameters_of_operation,
)

ROOT = Path(__file__).parents[3]
MODELS = {
    service: botocore.session.get_session().get_service_model(service) for service in HONOURED
}

REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("logs", "filter_log_events", {"logGroupName": "/g", "unmask": True}, "unmask"),
    ("logs", "put_subscription_filter", {
        "logGroupName": "/g", "filterName": "f", "filterPattern": "", "destinationArn": "arn:x",
        "distribution": "Random",
    }, "distribution"),
    ("logs", "put_metric_filter", {
        "logGroupName": "/g", "filterName": "f", "filterPattern": "", "metricTransformations": [
            {"metricName": "m", "metricNamespace": "n", "metricValue": "1", "unit": "Bytes"},
        ],
    }, "metricTransformations.unit"),
    ("cloudwatch", "describe_alarms", {"ParentsOfAlarmName": "a"}, "ParentsOfAlarmName"),
    ("events", "put_rule", {
        "Name": "r", "ScheduleExpression": "rate(1 day)", "RoleArn": "arn:aws:iam::1:role/x",
    }, "RoleArn"),
    ("events", "put_targets", {
        "Rule": "r", "Targets": [{"Id": "1", "Arn": "arn:x", "Input": "{}"}],
    }, "Targets.Input"),
    ("sns", "publish", {"TopicArn": "arn:x", "Message": "m", "MessageStructure": "json"},
     "MessageStructure"),
    ("sns", "subscribe", {
        "TopicArn": "arn:x", "Protocol": "lambda", "Endpoint": "arn:y",
        "Attributes": {"FilterPolicy": "{}"},
    }, "Attributes.FilterPolicy"),
    ("sns", "set_topic_attributes", {
        "TopicArn": "arn:x", "AttributeName": "DeliveryPolicy", "AttributeValue": "{}",
    }, "AttributeName='DeliveryPolicy'"),
    ("sqs", "set_queue_attributes", {"QueueUrl": "q", "Attributes": {"DelaySeconds": "5"}},
     "Attributes.DelaySeconds"),
    ("lambda", "invoke", {"FunctionName": "f", "InvocationType": "DryRun"},
     "InvocationType='DryRun'"),
    ("lambda", "create_function", {
        "FunctionName": "f", "Role": "arn:aws:iam::123456789012:role/x", "Code": {"ZipFile": b""},
        "VpcConfig": {"SubnetIds": ["s"]},
    }, "VpcConfig"),
    ("s3", "put_object", {"Bucket": "b", "Key": "k", "StorageClass": "GLACIER"}, "StorageClass"),
    ("sesv2", "send_email", {
        "FromEmailAddress": "a@b.example", "Content": {"Raw": {"Data": b"x"}},
        "EmailTags": [{"Name": "a", "Value": "b"}],
    }, "EmailTags"),
    ("dynamodb", "put_item", {
        "TableName": "t", "Item": {"id": {"S": "1"}}, "ReturnConsumedCapacity": "TOTAL",
    }, "ReturnConsumedCapacity"),
    ("iam", "create_role", {
        "RoleName": "r", "AssumeRolePolicyDocument": "{}", "MaxSessionDuration": 3600,
    }, "MaxSessionDuration"),
    ("kms", "create_key", {"KeySpec": "RSA_2048"}, "KeySpec"),
    ("secretsmanager", "create_secret", {
        "Name": "s", "SecretString": "x", "AddReplicaRegions": [{"Region": "eu-west-2"}],
    }, "AddReplicaRegions"),
    ("ssm", "put_parameter", {"Name": "p", "Value": "v", "Type": "String", "Tier": "Advanced"},
     "Tier"),
    ("cloudformation", "create_stack", {
        "StackName": "s", "TemplateBody": "{}", "TimeoutInMinutes": 5,
    }, "TimeoutInMinutes"),
    ("cloudformation", "delete_stack", {"StackName": "s", "RetainResources": ["G"]},
     "RetainResources"),
    ("ecr", "create_repository", {
        "repositoryName": "repository", "imageScanningConfiguration": {"scanOnPush": True},
    }, "imageScanningConfiguration"),
    ("sts", "assume_role", {
        "RoleArn": "arn:aws:iam::123456789012:role/x", "RoleSessionName": "name", "Policy": "{}",
    }, "Policy"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "call", "given", "name"), REFUSED)
def test_a_parameter_that_is_not_honoured_is_refused_by_its_name(
    cloud: LocalCloud, service: str, call: str, given: dict[str, Any], name: str
) -> None:
    """In this process and over HTTP."""
    over_http = boto3.client(
        service, endpoint_url=cloud.endpoint, region_name=cloud.region,
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip
    for client in (cloud.client(service), over_http):
        with pytest.raises(ClientError) as refused:
            getattr(client, call)(**given)
        error = refused.value.response["Error"]
        assert error["Code"] == "UnsupportedParameterException"
        operation = client.meta.method_to_api_mapping[call]
        assert f"the parameter {name} of {service} {operation}" in error["Message"]


def test_each_service_on_the_list_has_a_case() -> None:
    """Firehose's operations have no other parameters."""
    assert {service for service, *_ in REFUSED} == set(HONOURED) - {"firehose"}


def test_a_parameter_that_botocore_does_not_know_is_refused_as_well() -> None:
    given = {"logGroupName": "/g", "logStreamName": "s", "invented": 1}
    assert not_honoured("logs", "CreateLogStream", given) == ["invented"]


def test_an_operation_that_is_not_listed_is_motos() -> None:
    assert not_honoured("logs", "ListAnomalies", {"limit": 1}) == []
    assert not_honoured("athena", "StartQueryExecution", {"QueryString": "x"}) == []


def listed() -> Iterator[tuple[str, str, str]]:
    for service, operations in HONOURED.items():
        for operation in operations:
            for path in parameters_of_operation(service, operation):
                yield service, operation, path


@pytest.mark.parametrize("service", sorted(HONOURED))
def test_each_listed_parameter_exists(service: str) -> None:
    for each, operation, path in listed():
        if each == service:
            shape = MODELS[service].operation_model(operation).input_shape
            for name in path.split("."):
                while shape.type_name == "list":
                    shape = shape.member
                if shape.type_name == "map":  # its keys are not in the model
                    break
                assert name in shape.members, f"{operation}: {path}"
                shape = shape.members[name]


def test_the_readmes_table_names_what_is_only_kept() -> None:
    text = (ROOT / "local_cloud/README.md").read_text()
    table = text.partition("## What is kept, and has no effect")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| (.+?) \| .+ \|$", table, re.MULTILINE)
    found: dict[str, set[str]] = {}
    assert rows.pop(0)[0] == "service"  # the head
    for service, names in rows:
        found.setdefault(service, set()).update(re.findall(r"`([^`]+)`", names))
    assert found == kept_only()


# Code of this project that calls AWS: what an AST shows.

FOLDERS = ("lambda", "audit_lib", "audit_ops")
# Calls that the embedded cloud never sees.
ELSEWHERE = {("logs", "TestMetricFilter"): "`audit rules compare` calls AWS itself"}
# Calls with `**`: the parameters that it stands for.
SPREAD: Mapping[tuple[str, str], set[str]] = {
    ("audit_lib/destinations/dynamodb.py", "query"): {
        "TableName", "KeyConditionExpression", "ExpressionAttributeNames",
        "ExpressionAttributeValues", "IndexName", "ConsistentRead",
    },
    ("lambda/forwarder/outbox.py", "query"): {
        "IndexName", "KeyConditionExpression", "ExpressionAttributeNames",
        "ExpressionAttributeValues", "ScanIndexForward", "Limit", "ExclusiveStartKey",
    },
}  # fmt: skip
METHODS: dict[str, list[tuple[str, str]]] = {}
for _service, _model in MODELS.items():
    for _operation in _model.operation_names:
        METHODS.setdefault(xform_name(_operation), []).append((_service, _operation))


def literal(node: ast.expr) -> Any:
    """Return the value of a literal; the keys of a dictionary, with None for values that are not literal."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Dict) and all(isinstance(key, ast.Constant) for key in node.keys):
        return {
            key.value: literal(value)
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant)
        }
    if isinstance(node, ast.List):
        return [literal(each) for each in node.elts]
    return "(computed)"


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls of methods named as operations, with the operation's method."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name = node.func.attr
        if name == "paginate" and isinstance(node.func.value, ast.Name | ast.Call):
            name = paginated(node.func.value, tree)
        if name in METHODS and node.keywords and not node.args:
            yield name, node


def paginated(holder: ast.expr, tree: ast.AST) -> str:
    """Return the operation of a paginator: `x.get_paginator("name")`, or a name that is set to one."""
    if isinstance(holder, ast.Name):
        [holder] = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == holder.id for t in node.targets)
            and "get_paginator" in ast.unparse(node.value)
        ]
    assert isinstance(holder, ast.Call)
    [argument] = holder.args
    assert isinstance(argument, ast.Constant)
    return str(argument.value)


def problems_of(file: str, source: str) -> Iterator[str]:
    """Yield what is wrong with the AWS calls of a source file."""
    tree = ast.parse(source)
    for name, call in calls(tree):
        given = {each.arg: literal(each.value) for each in call.keywords if each.arg}
        where = f"{file}:{call.lineno}: {name}"
        if any(each.arg is None for each in call.keywords):
            if (file, name) not in SPREAD:
                yield f"{where}: name in SPREAD what `**` stands for"
                continue
            given |= dict.fromkeys(SPREAD[file, name], "(computed)")
        candidates = [
            (service, operation)
            for service, operation in METHODS[name]
            if given.keys() & MODELS[service].operation_model(operation).input_shape.members.keys()
        ]
        if not candidates:
            continue  # a method of the same name
        known = [each for each in candidates if each[1] in HONOURED[each[0]]]
        if not known and not any(each in ELSEWHERE for each in candidates):
            yield f"{where}: not on the list"
        if known and all(not_honoured(*each, given) for each in known):
            yield f"{where}: {not_honoured(*known[0], given)} not honoured"


def test_our_calls_use_honoured_parameters_alone() -> None:
    found = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            found += problems_of(str(path.relative_to(ROOT)), path.read_text())
    assert found == []


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("c.put_item(TableName='t', Item=x, ReturnItemCollectionMetrics='SIZE')", "not honoured"),
        ("p = c.get_paginator('describe_alarms')\np.paginate(ChildrenOfAlarmName='a')", "honoured"),
        ("c.get_paginator('filter_log_events').paginate(logGroupName=g, unmask=True)", "honoured"),
        ("c.put_targets(Rule=r, Targets=[{'Id': '1', 'Arn': a, 'Input': '{}'}])", "Targets.Input"),
        ("c.tag_queue(QueueUrl=u, Tags={})", "not on the list"),
        ("c.put_item(**given)", "SPREAD"),
        ("c.invoke(FunctionName='f', InvocationType='DryRun')", "InvocationType='DryRun'"),
    ],
)
def test_the_scan_finds_what_it_is_for(source: str, problem: str) -> None:
    [found] = problems_of("x.py", source)
    assert problem in found


def test_the_scan_sees_our_calls() -> None:
    """A guard against a scan that finds nothing: as many calls as the text has."""
    seen = {
        (str(path.relative_to(ROOT)), name)
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        for name, _ in calls(ast.parse(path.read_text()))
    }
    assert {
        ("lambda/router/_copy.py", "put_log_events"),
        ("lambda/router/_copy.py", "send_message"),
        ("audit_lib/destinations/dynamodb.py", "query"),
        ("audit_lib/destinations/firehose.py", "put_record"),
        ("audit_ops/rollout/plan.py", "describe_log_groups"),
    } <= seen


def clients(tree: ast.AST) -> Iterator[str]:
    """Yield the services of the calls `…client…("service")`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and "client" in ast.unparse(node.func).rpartition(".")[2]:
            yield from (
                each.value
                for each in node.args[:1]
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            )


def test_each_service_that_our_code_uses_is_on_the_list() -> None:
    used = {
        service
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        for service in clients(ast.parse(path.read_text()))
    }
    assert {"logs", "dynamodb", "sesv2", "secretsmanager"} <= used
    assert used <= set(HONOURED)


# What is only kept is returned.

Asked = Callable[[str, str], Callable[..., Any]]
TAGS = [{"Key": "k", "Value": "v"}]


def test_what_is_only_kept_is_returned(cloud: LocalCloud) -> None:
    client = cloud.client
    put, arn = client("cloudwatch").put_metric_alarm, cloud.arn("cloudwatch", "alarm:a")
    put(
        AlarmName="a", Namespace="n", MetricName="m", Statistic="Sum", Period=60, Threshold=1,
        EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold", Tags=TAGS,
    )  # fmt: skip
    assert client("cloudwatch").list_tags_for_resource(ResourceARN=arn)["Tags"] == TAGS

    logs = client("logs")
    logs.create_log_group(logGroupName="/g", tags={"k": "v"})
    group = cloud.arn("logs", "log-group:/g")
    assert logs.list_tags_for_resource(resourceArn=group)["tags"] == {"k": "v"}

    trust = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }]}  # fmt: skip
    role = client("iam").create_role(
        RoleName="r", AssumeRolePolicyDocument=json.dumps(trust), Path="/p/", Description="d",
        Tags=TAGS,
    )["Role"]  # fmt: skip
    found = client("iam").get_role(RoleName="r")["Role"]
    assert (found["Path"], found["Description"], found["Tags"]) == ("/p/", "d", TAGS)

    client("lambda").create_function(
        FunctionName="f", Role=role["Arn"], Runtime="python3.12", Handler="a.b", MemorySize=256,
        Description="d", Architectures=["arm64"], Tags={"k": "v"}, Code={"ZipFile": b"x"},
    )  # fmt: skip
    found = client("lambda").get_function(FunctionName="f")
    configuration = found["Configuration"]
    assert found["Tags"] == {"k": "v"}
    assert [configuration[name] for name in ("Runtime", "MemorySize", "Description")] == [
        "python3.12", 256, "d",
    ]  # fmt: skip

    queue = {
        "MessageRetentionPeriod": "60", "KmsDataKeyReusePeriodSeconds": "60",
        "KmsMasterKeyId": client("kms").create_key()["KeyMetadata"]["KeyId"],
    }  # fmt: skip
    url = client("sqs").create_queue(QueueName="q", Attributes=queue)["QueueUrl"]
    found = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert queue.items() <= found.items()

    secret = client("secretsmanager").create_secret(
        Name="s", SecretString="x", Description="d", Tags=TAGS
    )["ARN"]
    found = client("secretsmanager").describe_secret(SecretId=secret)
    assert (found["Description"], found["Tags"]) == ("d", TAGS)

    key = client("kms").create_key(Tags=[{"TagKey": "k", "TagValue": "v"}])["KeyMetadata"]["KeyId"]
    assert client("kms").list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "k", "TagValue": "v"}]
    topic = client("sns").create_topic(Name="t", Tags=TAGS)["TopicArn"]
    assert client("sns").list_tags_for_resource(ResourceArn=topic)["Tags"] == TAGS
    client("ssm").put_parameter(Name="p", Value="v", Type="String", Description="d")
    [parameter] = client("ssm").describe_parameters()["Parameters"]
    assert parameter["Description"] == "d"


def test_stacks_return_their_role_description_and_protection(cloud: LocalCloud) -> None:
    stacks = cloud.client("cloudformation")
    body = json.dumps({"Resources": {"G": {"Type": "AWS::Logs::LogGroup"}}})
    stacks.create_stack(
        StackName="s", TemplateBody=body, RoleARN="arn:aws:iam::123456789012:role/exec",
        EnableTerminationProtection=True, Tags=TAGS,
    )  # fmt: skip
    [stack] = stacks.describe_stacks()["Stacks"]
    assert stack["RoleARN"] == "arn:aws:iam::123456789012:role/exec"
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        stacks.delete_stack(StackName="s")
    two = json.dumps({"Resources": {id_: {"Type": "AWS::Logs::LogGroup"} for id_ in "GH"}})
    stacks.create_change_set(StackName="s", ChangeSetName="c", TemplateBody=two, Description="d")
    found = stacks.describe_change_set(StackName="s", ChangeSetName="c")
    assert found["Description"] == "d"
    other = [{"Key": "k", "Value": "w"}]
    stacks.update_stack(StackName="s", TemplateBody=two, Tags=other)
    assert stacks.describe_stacks()["Stacks"][0]["Tags"] == other
