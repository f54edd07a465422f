"""Storage: keys, log groups, saved queries, tables, queues."""

import json
from collections.abc import Mapping
from typing import Any

from local_cloud._protocol import Cloud
from local_cloud.resources.registry import Kind, Made, Properties, PutKind, resource
from local_cloud.services.resource_policies import check_key


@resource("AWS::KMS::Key", "Description", "EnableKeyRotation", "KeyPolicy")
class Key(Kind):
    """A customer-managed key."""

    identifier = "KeyId"

    def find(self, cloud: Cloud, identifier: str) -> Made:
        kms = cloud.client("kms")
        try:
            key = kms.describe_key(KeyId=identifier)["KeyMetadata"]
        except kms.exceptions.NotFoundException as error:
            raise LookupError(str(error)) from error
        return Made(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        del name
        made = cloud.client("kms").create_key(Policy=json.dumps(properties["KeyPolicy"]))
        key = made["KeyMetadata"]
        made = Made(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})
        return self.update(cloud, made, properties, {})

    def update(self, cloud: Cloud, made: Made, new: Properties, old: Properties) -> Made:
        del old
        kms = cloud.client("kms")
        policy = json.dumps(new["KeyPolicy"])
        kms.put_key_policy(KeyId=made.ref, PolicyName="default", Policy=policy)
        kms.update_key_description(KeyId=made.ref, Description=new.get("Description", ""))
        rotate = (
            kms.enable_key_rotation if _true(new, "EnableKeyRotation") else kms.disable_key_rotation
        )
        rotate(KeyId=made.ref)
        return made

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del properties
        cloud.client("kms").schedule_key_deletion(KeyId=made.ref, PendingWindowInDays=30)


@resource(
    "AWS::Logs::LogGroup",
    "DeletionProtectionEnabled",
    "KmsKeyId",
    "RetentionInDays",
    replaced_by=("LogGroupName",),
)
class LogGroup(Kind):
    """A log group."""

    identifier = "LogGroupName"

    def find(self, cloud: Cloud, identifier: str) -> Made:
        found = cloud.client("logs").describe_log_groups(logGroupNamePrefix=identifier)
        if identifier not in {group["logGroupName"] for group in found["logGroups"]}:
            raise LookupError(f"the log group {identifier} does not exist")
        return self._made(cloud, identifier)

    @staticmethod
    def _made(cloud: Cloud, name: str) -> Made:
        return Made(name, {"Arn": f"{cloud.arn('logs', f'log-group:{name}')}:*"})

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        name = properties.get("LogGroupName", name)
        arn = cloud.arn("logs", f"log-group:{name}")
        if key_arn := properties.get("KmsKeyId"):
            check_key(
                cloud,
                key_arn,
                service=f"logs.{cloud.region}.amazonaws.com",
                actions=("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"),
                context={"kms:EncryptionContext:aws:logs:arn": arn},
            )
        given = {"kmsKeyId": key_arn} if key_arn else {}
        cloud.client("logs").create_log_group(logGroupName=name, **given)
        made = self._made(cloud, name)
        try:
            return self.update(cloud, made, properties, {})
        except Exception:
            self.delete(cloud, made, properties)
            raise

    def update(self, cloud: Cloud, made: Made, new: Properties, old: Properties) -> Made:
        del old
        logs = cloud.client("logs")
        if "RetentionInDays" in new:
            days = int(new["RetentionInDays"])
            logs.put_retention_policy(logGroupName=made.ref, retentionInDays=days)
        else:
            logs.delete_retention_policy(logGroupName=made.ref)
        if "KmsKeyId" in new:
            logs.associate_kms_key(logGroupName=made.ref, kmsKeyId=new["KmsKeyId"])
        logs.put_log_group_deletion_protection(
            logGroupIdentifier=made.ref,
            deletionProtectionEnabled=_true(new, "DeletionProtectionEnabled"),
        )
        return made

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del properties
        cloud.client("logs").delete_log_group(logGroupName=made.ref)


@resource("AWS::Logs::QueryDefinition", "LogGroupNames", "Name", "QueryString")
class QueryDefinition(Kind):
    """A saved query."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        del name
        return self._put(cloud, properties)

    def update(self, cloud: Cloud, made: Made, new: Properties, old: Properties) -> Made:
        del old
        return self._put(cloud, new, queryDefinitionId=made.ref)

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del properties
        cloud.client("logs").delete_query_definition(queryDefinitionId=made.ref)

    @staticmethod
    def _put(cloud: Cloud, properties: Properties, **more: Any) -> Made:
        answer = cloud.client("logs").put_query_definition(
            name=properties["Name"],
            queryString=properties["QueryString"],
            logGroupNames=properties.get("LogGroupNames", []),
            **more,
        )
        return Made(answer["queryDefinitionId"])


@resource(
    "AWS::DynamoDB::Table",
    "BillingMode",
    "PointInTimeRecoverySpecification",
    "TimeToLiveSpecification",
    replaced_by=("AttributeDefinitions", "KeySchema", "TableName"),
)
class Table(Kind):
    """A table, billed by request."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        name = properties.get("TableName", name)
        described = cloud.client("dynamodb").create_table(
            TableName=name,
            AttributeDefinitions=properties["AttributeDefinitions"],
            KeySchema=properties["KeySchema"],
            BillingMode=properties["BillingMode"],
        )["TableDescription"]
        made = Made(name, {"Arn": described["TableArn"]})
        return self.update(cloud, made, properties, {})

    def update(self, cloud: Cloud, made: Made, new: Properties, old: Properties) -> Made:
        del old
        dynamodb = cloud.client("dynamodb")
        self._keep_time_to_live(cloud, made.ref, new.get("TimeToLiveSpecification"))
        dynamodb.update_continuous_backups(
            TableName=made.ref,
            PointInTimeRecoverySpecification=new.get(
                "PointInTimeRecoverySpecification", {"PointInTimeRecoveryEnabled": False}
            ),
        )
        return made

    @staticmethod
    def _keep_time_to_live(cloud: Cloud, table: str, wanted: Mapping[str, Any] | None) -> None:
        dynamodb = cloud.client("dynamodb")
        found = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if wanted is None and found["TimeToLiveStatus"] == "ENABLED":
            wanted = {"AttributeName": found["AttributeName"], "Enabled": False}
        if wanted is not None:
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted)

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del properties
        cloud.client("dynamodb").delete_table(TableName=made.ref)


@resource("AWS::SQS::Queue", "MessageRetentionPeriod", "SqsManagedSseEnabled")
class Queue(Kind):
    """A standard queue."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        url = cloud.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        arn = cloud.arn("sqs", name)
        made = Made(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})
        return self.update(cloud, made, properties, {})

    def update(self, cloud: Cloud, made: Made, new: Properties, old: Properties) -> Made:
        del old
        attributes = {key: str(value).lower() for key, value in new.items()}
        cloud.client("sqs").set_queue_attributes(QueueUrl=made.ref, Attributes=attributes)
        return made

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del properties
        cloud.client("sqs").delete_queue(QueueUrl=made.ref)


@resource("AWS::SQS::QueuePolicy", "PolicyDocument", replaced_by=("Queues",))
class QueuePolicy(PutKind):
    """A policy of some queues."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        self._set(cloud, properties, json.dumps(properties["PolicyDocument"]))
        return Made(name)

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del made
        self._set(cloud, properties, "")

    @staticmethod
    def _set(cloud: Cloud, properties: Properties, policy: str) -> None:
        for url in properties["Queues"]:
            cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def _true(properties: Properties, name: str) -> bool:
    return str(properties.get(name, False)).lower() == "true"
