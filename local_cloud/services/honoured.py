"""The parameters that are honoured, by service and operation; a call with another one is rejected.

Honoured means: kept, returned by the describing operations, and obeyed where AWS's answer depends on it. A
parameter with `*` is only kept, or has no effect: the table in `local_cloud/README.md` says what that means.
`A.B` is the member B of A, or of the elements of A; a parameter without listed members is honoured as a
whole. `A=x|y` is honoured with these values alone.

Listed are the operations that `lambda/`, `audit_lib`, `audit_ops`, this package and the CDK CLI call. All
others are moto's, whose parameters are not checked.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

__all__ = ["HONOURED", "kept_only", "not_honoured", "parameters_of_operation"]

_FUNCTION: Final = (
    "FunctionName Runtime* Role Handler Timeout MemorySize* Environment.Variables"
    " DeadLetterConfig.TargetArn LoggingConfig.LogGroup Description*"
)
_QUEUE: Final = (
    "Attributes.MessageRetentionPeriod* Attributes.Policy Attributes.SqsManagedSseEnabled*"
    " Attributes.KmsMasterKeyId Attributes.KmsDataKeyReusePeriodSeconds*"
    " Attributes.VisibilityTimeout Attributes.RedrivePolicy"
)
_TEMPLATE: Final = "TemplateBody TemplateURL"
_PARAMETERS: Final = "Parameters.ParameterKey Parameters.ParameterValue Parameters.UsePreviousValue"
_CHECKSUMS: Final = (
    "ChecksumAlgorithm* ChecksumCRC32* ChecksumCRC32C* ChecksumCRC64NVME* ChecksumSHA1*"
    " ChecksumSHA256* ContentMD5*"
)
_CHECKED: Final = "ChecksumAlgorithm*"
_CONDITION: Final = (
    "ConditionExpression ExpressionAttributeNames ExpressionAttributeValues ReturnValues"
    " ReturnValuesOnConditionCheckFailure"
)
_READ: Final = "ProjectionExpression ExpressionAttributeNames ExpressionAttributeValues"
_PAGES: Final = "FilterExpression IndexName Limit ExclusiveStartKey Select ConsistentRead"

HONOURED: Final[Mapping[str, Mapping[str, str]]] = {
    "cloudformation": {
        "CreateChangeSet": f"StackName ChangeSetName ChangeSetType {_TEMPLATE} {_PARAMETERS}"
        " UsePreviousTemplate Tags Description ResourcesToImport.LogicalResourceId"
        " ResourcesToImport.ResourceType ResourcesToImport.ResourceIdentifier ClientToken*"
        " Capabilities RoleARN* IncludeNestedStacks* ImportExistingResources*"
        " DeploymentConfig.Mode=STANDARD",
        "CreateStack": f"StackName {_TEMPLATE} {_PARAMETERS} Tags Capabilities RoleARN*"
        " ClientRequestToken* EnableTerminationProtection",
        "DeleteChangeSet": "StackName ChangeSetName",
        "DeleteStack": "StackName RoleARN* ClientRequestToken* DeploymentConfig.Mode=STANDARD",
        "DescribeChangeSet": "StackName ChangeSetName IncludePropertyValues*",
        "DescribeStackEvents": "StackName",
        "DescribeStackResource": "StackName LogicalResourceId",
        "DescribeStackResources": "StackName",
        "DescribeStacks": "StackName",
        "ExecuteChangeSet": "StackName ChangeSetName ClientRequestToken*",
        "GetTemplate": "StackName ChangeSetName TemplateStage",
        "GetTemplateSummary": f"StackName {_TEMPLATE}",
        "ListChangeSets": "StackName",
        "ListExports": "",
        "ListImports": "ExportName",
        "ListStackResources": "StackName",
        "ListStacks": "StackStatusFilter",
        "UpdateStack": f"StackName {_TEMPLATE} {_PARAMETERS} UsePreviousTemplate Tags"
        " Capabilities RoleARN* ClientRequestToken*",
        "UpdateTerminationProtection": "StackName EnableTerminationProtection",
    },
    "cloudwatch": {
        "DeleteAlarms": "AlarmNames",
        "DescribeAlarmHistory": "AlarmName HistoryItemType",
        "DescribeAlarms": "AlarmNames AlarmNamePrefix AlarmTypes StateValue ActionPrefix"
        " MaxRecords NextToken",
        "PutMetricAlarm": "AlarmName AlarmDescription ActionsEnabled OKActions AlarmActions"
        " InsufficientDataActions MetricName Namespace Statistic Period Unit EvaluationPeriods"
        " DatapointsToAlarm Threshold ComparisonOperator TreatMissingData Tags*",
        "SetAlarmState": "AlarmName StateValue StateReason StateReasonData",
    },
    "dynamodb": {
        "BatchGetItem": "RequestItems",
        "BatchWriteItem": "RequestItems",
        "CreateTable": "TableName AttributeDefinitions KeySchema BillingMode"
        " GlobalSecondaryIndexes SSESpecification DeletionProtectionEnabled Tags*",
        "DeleteItem": f"TableName Key {_CONDITION}",
        "DeleteTable": "TableName",
        "DescribeContinuousBackups": "TableName",
        "DescribeTable": "TableName",
        "DescribeTimeToLive": "TableName",
        "GetItem": "TableName Key ConsistentRead ProjectionExpression ExpressionAttributeNames",
        "PutItem": f"TableName Item {_CONDITION}",
        "Query": f"TableName KeyConditionExpression ScanIndexForward {_READ} {_PAGES}",
        "Scan": f"TableName {_READ} {_PAGES}",
        "TransactWriteItems": "TransactItems ClientRequestToken*",
        "UpdateContinuousBackups": "TableName PointInTimeRecoverySpecification*",
        "UpdateItem": f"TableName Key UpdateExpression {_CONDITION}",
        "UpdateTable": "TableName BillingMode DeletionProtectionEnabled",
        "UpdateTimeToLive": "TableName TimeToLiveSpecification*",
    },
    "ecr": {
        "CreateRepository": "repositoryName imageTagMutability*",
        "DeleteLifecyclePolicy": "repositoryName",
        "DeleteRepository": "repositoryName force",
        "DeleteRepositoryPolicy": "repositoryName",
        "PutImageTagMutability": "repositoryName imageTagMutability*",
        "PutLifecyclePolicy": "repositoryName lifecyclePolicyText*",
        "SetRepositoryPolicy": "repositoryName policyText*",
    },
    "events": {
        "DeleteRule": "Name",
        "DescribeRule": "Name",
        "DisableRule": "Name",
        "EnableRule": "Name",
        "ListTargetsByRule": "Rule",
        "PutRule": "Name Description ScheduleExpression State",
        "PutTargets": "Rule Targets.Id Targets.Arn Targets.DeadLetterConfig.Arn",
        "RemoveTargets": "Rule Ids",
    },
    "firehose": {"PutRecord": "DeliveryStreamName Record", "PutRecordBatch": "DeliveryStreamName Records"},
    "iam": {
        "AttachRolePolicy": "RoleName PolicyArn",
        "CreateRole": "RoleName AssumeRolePolicyDocument PermissionsBoundary Path Description*"
        " Tags*",
        "DeleteRole": "RoleName",
        "DeleteRolePermissionsBoundary": "RoleName",
        "DeleteRolePolicy": "RoleName PolicyName",
        "DetachRolePolicy": "RoleName PolicyArn",
        "GetRole": "RoleName",
        "GetRolePolicy": "RoleName PolicyName",
        "PutRolePermissionsBoundary": "RoleName PermissionsBoundary",
        "PutRolePolicy": "RoleName PolicyName PolicyDocument",
        "TagRole": "RoleName Tags*",
        "UntagRole": "RoleName TagKeys",
        "UpdateAssumeRolePolicy": "RoleName PolicyDocument",
    },
    "kms": {
        "CreateKey": "Policy Description Tags*",
        "DescribeKey": "KeyId",
        "DisableKey": "KeyId",
        "DisableKeyRotation": "KeyId",
        "EnableKey": "KeyId",
        "EnableKeyRotation": "KeyId",
        "GetKeyPolicy": "KeyId PolicyName",
        "PutKeyPolicy": "KeyId PolicyName Policy",
        "ScheduleKeyDeletion": "KeyId PendingWindowInDays*",
        "UpdateKeyDescription": "KeyId Description",
    },
    "lambda": {
        "AddPermission": "FunctionName StatementId Action Principal SourceArn SourceAccount",
        "CreateFunction": f"{_FUNCTION} Code.S3Bucket Code.S3Key Code.ZipFile Architectures* Tags*",
        "DeleteFunction": "FunctionName",
        "GetFunctionConfiguration": "FunctionName",
        "Invoke": "FunctionName InvocationType=RequestResponse|Event Payload",
        "RemovePermission": "FunctionName StatementId",
        "UpdateFunctionCode": "FunctionName S3Bucket S3Key ZipFile Architectures*",
        "UpdateFunctionConfiguration": _FUNCTION,
    },
    "logs": {
        "AssociateKmsKey": "logGroupName kmsKeyId",
        "CreateLogGroup": "logGroupName kmsKeyId logGroupClass deletionProtectionEnabled tags*",
        "CreateLogStream": "logGroupName logStreamName",
        "DeleteLogGroup": "logGroupName",
        "DeleteMetricFilter": "logGroupName filterName",
        "DeleteQueryDefinition": "queryDefinitionId",
        "DeleteRetentionPolicy": "logGroupName",
        "DeleteSubscriptionFilter": "logGroupName filterName",
        "DescribeLogGroups": "logGroupNamePrefix logGroupNamePattern logGroupClass limit nextToken",
        "DescribeQueryDefinitions": "queryDefinitionNamePrefix",
        "DescribeSubscriptionFilters": "logGroupName",
        "DisassociateKmsKey": "logGroupName",
        "FilterLogEvents": "logGroupName logStreamNames startTime endTime filterPattern limit"
        " nextToken",
        "GetLogEvents": "logGroupName logStreamName startTime endTime limit nextToken"
        " startFromHead",
        "PutLogEvents": "logGroupName logStreamName logEvents.timestamp logEvents.message",
        "PutLogGroupDeletionProtection": "logGroupIdentifier deletionProtectionEnabled",
        "PutMetricFilter": "logGroupName filterName filterPattern"
        " metricTransformations.metricName metricTransformations.metricNamespace"
        " metricTransformations.metricValue metricTransformations.defaultValue",
        "PutQueryDefinition": "name queryString logGroupNames queryDefinitionId clientToken*",
        "PutRetentionPolicy": "logGroupName retentionInDays",
        "PutSubscriptionFilter": "logGroupName filterName filterPattern destinationArn",
    },
    "s3": {
        "CreateBucket": "Bucket CreateBucketConfiguration.LocationConstraint",
        "DeleteBucket": "Bucket",
        "DeleteBucketEncryption": "Bucket",
        "DeleteBucketPolicy": "Bucket",
        "DeletePublicAccessBlock": "Bucket",
        "GetBucketEncryption": "Bucket",
        "GetBucketLocation": "Bucket",
        "GetBucketPolicy": "Bucket",
        "GetBucketVersioning": "Bucket",
        "GetObject": "Bucket Key ChecksumMode*",
        "ListObjectsV2": "Bucket Prefix MaxKeys ContinuationToken",
        "PutBucketAcl": f"Bucket ACL* {_CHECKED}",
        "PutBucketEncryption": f"Bucket ServerSideEncryptionConfiguration* {_CHECKED}",
        "PutBucketLifecycleConfiguration": f"Bucket LifecycleConfiguration* {_CHECKED}",
        "PutBucketPolicy": f"Bucket Policy {_CHECKED}",
        "PutBucketVersioning": f"Bucket VersioningConfiguration.Status {_CHECKED}",
        "PutObject": "Bucket Key Body ContentType ContentLength ContentEncoding Metadata ServerSideEncryption* SSEKMSKeyId*"
        f" {_CHECKSUMS}",
        "PutPublicAccessBlock": f"Bucket PublicAccessBlockConfiguration* {_CHECKED}",
    },
    "secretsmanager": {
        "CreateSecret": "Name SecretString SecretBinary KmsKeyId Description* Tags*"
        " ClientRequestToken",
        "GetSecretValue": "SecretId VersionId VersionStage",
        "PutSecretValue": "SecretId SecretString SecretBinary VersionStages ClientRequestToken",
    },
    "sesv2": {
        "CreateConfigurationSet": "ConfigurationSetName",
        "CreateEmailIdentity": "EmailIdentity ConfigurationSetName Tags*",
        "DeleteSuppressedDestination": "EmailAddress",
        "GetAccount": "",
        "ListSuppressedDestinations": "",
        "PutAccountDetails": "ProductionAccessEnabled MailType* WebsiteURL* ContactLanguage*"
        " AdditionalContactEmailAddresses* UseCaseDescription*",
        "PutSuppressedDestination": "EmailAddress Reason",
        "SendEmail": "FromEmailAddress Destination.ToAddresses Destination.CcAddresses"
        " Destination.BccAddresses Content.Raw.Data ConfigurationSetName",
    },
    "sns": {
        "CreateTopic": "Name Attributes.KmsMasterKeyId Attributes.DisplayName Attributes.Policy"
        " Tags*",
        "DeleteTopic": "TopicArn",
        "GetSubscriptionAttributes": "SubscriptionArn",
        "GetTopicAttributes": "TopicArn",
        "Publish": "TopicArn Message Subject",
        "SetSubscriptionAttributes": "SubscriptionArn AttributeName=RedrivePolicy AttributeValue",
        "SetTopicAttributes": "TopicArn AttributeName=DisplayName|KmsMasterKeyId|Policy"
        " AttributeValue",
        "Subscribe": "TopicArn Protocol Endpoint Attributes.RedrivePolicy ReturnSubscriptionArn",
        "Unsubscribe": "SubscriptionArn",
    },
    "sqs": {
        "CreateQueue": f"QueueName {_QUEUE}",
        "DeleteMessage": "QueueUrl ReceiptHandle",
        "DeleteQueue": "QueueUrl",
        "GetQueueAttributes": "QueueUrl AttributeNames",
        "GetQueueUrl": "QueueName",
        "ReceiveMessage": "QueueUrl MaxNumberOfMessages MessageAttributeNames"
        " MessageSystemAttributeNames AttributeNames VisibilityTimeout WaitTimeSeconds",
        "SendMessage": "QueueUrl MessageBody MessageAttributes DelaySeconds",
        "SetQueueAttributes": f"QueueUrl {_QUEUE}",
    },
    "ssm": {
        "DeleteParameter": "Name",
        "GetParameter": "Name WithDecryption*",
        "PutParameter": "Name Type Value Overwrite Description*",
    },
    "sts": {
        "AssumeRole": "RoleArn RoleSessionName DurationSeconds* Tags* TransitiveTagKeys*"
        " ExternalId*",
        "GetCallerIdentity": "",
    },
}  # fmt: skip
"""The honoured parameters, separated by spaces, by operation, by service as boto3 names it."""


def not_honoured(service: str, operation: str, given: Mapping[str, Any]) -> list[str]:
    """Return the parameters of a call that are not honoured; none for an operation that is not listed.

    Args:
        service: the service, as boto3 names it.
        operation: the API operation.
        given: the call's parameters.
    """
    if operation not in HONOURED.get(service, {}):
        return []
    return list(dict.fromkeys(_unknown(given, parameters_of_operation(service, operation), "")))


def kept_only() -> dict[str, set[str]]:
    """Return the parameters that are only kept, or have no effect, by service."""
    return {
        service: names
        for service, operations in HONOURED.items()
        if (
            names := {
                word.removesuffix("*")
                for words in operations.values()
                for word in words.split()
                if word.endswith("*")
            }
        )
    }


@cache
def parameters_of_operation(service: str, operation: str) -> Mapping[str, frozenset[str]]:
    """Return the honoured parameters of a listed operation, with their values; empty for all values."""
    found = {}
    for word in HONOURED[service][operation].split():
        name, _, values = word.removesuffix("*").partition("=")
        found[name] = frozenset(values.split("|")) if values else frozenset()
    return found


def _unknown(
    given: Mapping[str, Any], known: Mapping[str, frozenset[str]], prefix: str
) -> Iterator[str]:
    for name, value in given.items():
        path = f"{prefix}{name}"
        if value is None or value in ([], {}):
            continue  # as if it was left out
        if path in known:
            if known[path] and str(value).lower() not in {each.lower() for each in known[path]}:
                yield f"{path}={value!r:.60}"
        elif any(other.startswith(f"{path}.") for other in known):
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, dict):
                    yield from _unknown(each, known, f"{path}.")
        else:
            yield path
