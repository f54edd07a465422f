"""Where things are kept: keys, log groups, tables, queues."""

import json
from typing import TYPE_CHECKING, Any

from audit_ops.local.resources.registry import Made, resource

if TYPE_CHECKING:
    from audit_ops.local.cloud import LocalCloud


@resource(
    "AWS::KMS::Key", "Description", "EnableKeyRotation", "KeyPolicy", attributes=("Arn", "KeyId")
)
def key(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:  # noqa: ARG001
    kms = cloud.client("kms")
    made = kms.create_key(
        Description=properties.get("Description", ""), Policy=json.dumps(properties["KeyPolicy"])
    )["KeyMetadata"]
    if properties.get("EnableKeyRotation"):
        kms.enable_key_rotation(KeyId=made["KeyId"])
    return Made(made["KeyId"], {"Arn": made["Arn"], "KeyId": made["KeyId"]})


@resource(
    "AWS::Logs::LogGroup",
    "DeletionProtectionEnabled",
    "KmsKeyId",
    "LogGroupName",
    "RetentionInDays",
    attributes=("Arn",),
)
def log_group(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:
    logs = cloud.client("logs")
    name = properties.get("LogGroupName", name)
    key_arn = properties.get("KmsKeyId")
    arn = cloud.arn("logs", f"log-group:{name}")
    if key_arn:
        cloud.check_key(
            key_arn,
            service=f"logs.{cloud.region}.amazonaws.com",
            actions=("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"),
            context={"kms:EncryptionContext:aws:logs:arn": arn},
        )
    logs.create_log_group(logGroupName=name, **({"kmsKeyId": key_arn} if key_arn else {}))
    if "RetentionInDays" in properties:
        days = int(properties["RetentionInDays"])
        logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    if properties.get("DeletionProtectionEnabled"):
        logs.put_log_group_deletion_protection(
            logGroupIdentifier=name, deletionProtectionEnabled=True
        )
    return Made(name, {"Arn": f"{arn}:*"})


@resource("AWS::Logs::QueryDefinition", "LogGroupNames", "Name", "QueryString")
def query_definition(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:  # noqa: ARG001
    answer = cloud.client("logs").put_query_definition(
        name=properties["Name"],
        queryString=properties["QueryString"],
        logGroupNames=properties.get("LogGroupNames", []),
    )
    return Made(answer["queryDefinitionId"])


@resource(
    "AWS::DynamoDB::Table",
    "AttributeDefinitions",
    "BillingMode",
    "KeySchema",
    "PointInTimeRecoverySpecification",
    "TableName",
    "TimeToLiveSpecification",
    attributes=("Arn",),
)
def table(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:
    dynamodb = cloud.client("dynamodb")
    name = properties.get("TableName", name)
    described = dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=properties["AttributeDefinitions"],
        KeySchema=properties["KeySchema"],
        BillingMode=properties["BillingMode"],
    )["TableDescription"]
    if ttl := properties.get("TimeToLiveSpecification"):
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
    if recovery := properties.get("PointInTimeRecoverySpecification"):
        dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification=recovery
        )
    return Made(name, {"Arn": described["TableArn"]})


@resource(
    "AWS::SQS::Queue",
    "MessageRetentionPeriod",
    "SqsManagedSseEnabled",
    attributes=("Arn", "QueueName", "QueueUrl"),
)
def queue(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:
    attributes = {key: str(value).lower() for key, value in properties.items()}
    url = cloud.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return Made(url, {"Arn": cloud.arn("sqs", name), "QueueName": name, "QueueUrl": url})


@resource("AWS::SQS::QueuePolicy", "PolicyDocument", "Queues")
def queue_policy(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:
    for url in properties["Queues"]:
        cloud.client("sqs").set_queue_attributes(
            QueueUrl=url, Attributes={"Policy": json.dumps(properties["PolicyDocument"])}
        )
    return Made(name)
