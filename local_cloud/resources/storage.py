"""The resource types of KMS keys, log groups, saved queries, DynamoDB tables, and SQS queues."""

import json
from collections.abc import Mapping
from typing import Any, Final

from local_cloud._protocol import Cloud
from local_cloud.resources.registry import (
    PhysicalResource,
    Properties,
    PutResourceType,
    ResourceType,
    resource_type,
)
from local_cloud.services.resource_policies import check_key


@resource_type("AWS::KMS::Key", "Description", "EnableKeyRotation", "KeyPolicy")
class KeyType(ResourceType):
    """`AWS::KMS::Key`. Deletion schedules the key's deletion in 30 days."""

    identifier = "KeyId"

    def find(self, cloud: Cloud, identifier: str) -> PhysicalResource:
        kms = cloud.client("kms")
        try:
            key = kms.describe_key(KeyId=identifier)["KeyMetadata"]
        except kms.exceptions.NotFoundException as error:
            raise LookupError(str(error)) from error
        return PhysicalResource(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        del name
        created = cloud.client("kms").create_key(Policy=json.dumps(properties["KeyPolicy"]))
        key = created["KeyMetadata"]
        resource = PhysicalResource(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})
        return self.update(cloud, resource, properties, {})

    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        del old
        kms = cloud.client("kms")
        policy = json.dumps(new["KeyPolicy"])
        kms.put_key_policy(KeyId=resource.ref, PolicyName="default", Policy=policy)
        kms.update_key_description(KeyId=resource.ref, Description=new.get("Description", ""))
        rotate = (
            kms.enable_key_rotation if _true(new, "EnableKeyRotation") else kms.disable_key_rotation
        )
        rotate(KeyId=resource.ref)
        return resource

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del properties
        cloud.client("kms").schedule_key_deletion(KeyId=resource.ref, PendingWindowInDays=30)


@resource_type(
    "AWS::Logs::LogGroup",
    "DeletionProtectionEnabled",
    "KmsKeyId",
    "RetentionInDays",
    replaced_by=("LogGroupName",),
)
class LogGroupType(ResourceType):
    """`AWS::Logs::LogGroup`. Creation fails if the KMS key's policy does not allow CloudWatch Logs."""

    identifier = "LogGroupName"

    def find(self, cloud: Cloud, identifier: str) -> PhysicalResource:
        found = cloud.client("logs").describe_log_groups(logGroupNamePrefix=identifier)
        if identifier not in {group["logGroupName"] for group in found["logGroups"]}:
            raise LookupError(f"the log group {identifier} does not exist")
        return self._resource(cloud, identifier)

    @staticmethod
    def _resource(cloud: Cloud, name: str) -> PhysicalResource:
        return PhysicalResource(name, {"Arn": f"{cloud.arn('logs', f'log-group:{name}')}:*"})

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
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
        resource = self._resource(cloud, name)
        try:
            return self.update(cloud, resource, properties, {})
        except Exception:
            self.delete(cloud, resource, properties)
            raise

    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        del old
        logs = cloud.client("logs")
        if "RetentionInDays" in new:
            days = int(new["RetentionInDays"])
            logs.put_retention_policy(logGroupName=resource.ref, retentionInDays=days)
        else:
            logs.delete_retention_policy(logGroupName=resource.ref)
        if "KmsKeyId" in new:
            logs.associate_kms_key(logGroupName=resource.ref, kmsKeyId=new["KmsKeyId"])
        logs.put_log_group_deletion_protection(
            logGroupIdentifier=resource.ref,
            deletionProtectionEnabled=_true(new, "DeletionProtectionEnabled"),
        )
        return resource

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del properties
        cloud.client("logs").delete_log_group(logGroupName=resource.ref)


@resource_type("AWS::Logs::QueryDefinition", "LogGroupNames", "Name", "QueryString")
class QueryDefinitionType(ResourceType):
    """`AWS::Logs::QueryDefinition`: a saved query of CloudWatch Logs Insights."""

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        del name
        return self._put(cloud, properties)

    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        del old
        return self._put(cloud, new, queryDefinitionId=resource.ref)

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del properties
        cloud.client("logs").delete_query_definition(queryDefinitionId=resource.ref)

    @staticmethod
    def _put(cloud: Cloud, properties: Properties, **more: Any) -> PhysicalResource:
        answer = cloud.client("logs").put_query_definition(
            name=properties["Name"],
            queryString=properties["QueryString"],
            logGroupNames=properties.get("LogGroupNames", []),
            **more,
        )
        return PhysicalResource(answer["queryDefinitionId"])


def _indexes_and_key(properties: Properties) -> dict[str, Any]:
    """Return the secondary indexes and the encryption of a table as parameters of `CreateTable`."""
    given = {}
    if "GlobalSecondaryIndexes" in properties:
        given["GlobalSecondaryIndexes"] = properties["GlobalSecondaryIndexes"]
    if key := properties.get("SSESpecification"):
        renamed = {"SSEEnabled": "Enabled"}  # its name in the API
        given["SSESpecification"] = {renamed.get(name, name): key[name] for name in key}
    return given


@resource_type(
    "AWS::DynamoDB::Table",
    "AttributeDefinitions",
    "BillingMode",
    "DeletionProtectionEnabled",
    "GlobalSecondaryIndexes",
    "PointInTimeRecoverySpecification",
    "SSESpecification",
    "TimeToLiveSpecification",
    replaced_by=("KeySchema", "TableName"),
)
class TableType(ResourceType):
    """`AWS::DynamoDB::Table` without local indexes and provisioned throughput.

    An update that changes its secondary indexes or its encryption fails.
    """

    _FIXED: Final = ("GlobalSecondaryIndexes", "SSESpecification")

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        name = properties.get("TableName", name)
        described = cloud.client("dynamodb").create_table(
            TableName=name,
            AttributeDefinitions=properties["AttributeDefinitions"],
            KeySchema=properties["KeySchema"],
            BillingMode=properties["BillingMode"],
            DeletionProtectionEnabled=properties.get("DeletionProtectionEnabled", False),
            **_indexes_and_key(properties),
        )["TableDescription"]
        resource = PhysicalResource(name, {"Arn": described["TableArn"]})
        return self.update(cloud, resource, properties, {})

    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        dynamodb = cloud.client("dynamodb")
        for name in (*self._FIXED, "AttributeDefinitions") if old else ():
            if new.get(name) != old.get(name):
                raise ValueError(
                    f"the embedded cloud does not change {name} of a table; delete and create it"
                )
        if old:
            dynamodb.update_table(
                TableName=resource.ref,
                DeletionProtectionEnabled=new.get("DeletionProtectionEnabled", False),
            )
        self._keep_time_to_live(cloud, resource.ref, new.get("TimeToLiveSpecification"))
        dynamodb.update_continuous_backups(
            TableName=resource.ref,
            PointInTimeRecoverySpecification=new.get(
                "PointInTimeRecoverySpecification", {"PointInTimeRecoveryEnabled": False}
            ),
        )
        return resource

    @staticmethod
    def _keep_time_to_live(cloud: Cloud, table: str, wanted: Mapping[str, Any] | None) -> None:
        dynamodb = cloud.client("dynamodb")
        found = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if wanted is None and found["TimeToLiveStatus"] == "ENABLED":
            wanted = {"AttributeName": found["AttributeName"], "Enabled": False}
        if wanted is not None:
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted)

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del properties
        cloud.client("dynamodb").delete_table(TableName=resource.ref)


@resource_type("AWS::SQS::Queue", "MessageRetentionPeriod", "SqsManagedSseEnabled")
class QueueType(ResourceType):
    """`AWS::SQS::Queue`: a standard queue with a generated name."""

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        url = cloud.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        arn = cloud.arn("sqs", name)
        resource = PhysicalResource(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})
        return self.update(cloud, resource, properties, {})

    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        del old
        attributes = {key: str(value).lower() for key, value in new.items()}
        cloud.client("sqs").set_queue_attributes(QueueUrl=resource.ref, Attributes=attributes)
        return resource

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del properties
        cloud.client("sqs").delete_queue(QueueUrl=resource.ref)


@resource_type("AWS::SQS::QueuePolicy", "PolicyDocument", replaced_by=("Queues",))
class QueuePolicyType(PutResourceType):
    """`AWS::SQS::QueuePolicy`."""

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        self._set(cloud, properties, json.dumps(properties["PolicyDocument"]))
        return PhysicalResource(name)

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del resource
        self._set(cloud, properties, "")

    @staticmethod
    def _set(cloud: Cloud, properties: Properties, policy: str) -> None:
        for url in properties["Queues"]:
            cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def _true(properties: Properties, name: str) -> bool:
    return str(properties.get(name, False)).lower() == "true"
