"""Creates the audit log group, its KMS key, and the saved Logs Insights queries."""

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from audit_infra.queries import SAVED_QUERIES
from audit_rules import AuditConfig

__all__ = ["RecordStore"]


class RecordStore(Construct):
    """The audit log group: encrypted, protected from deletion, and retained when the stack is deleted.

    The key is rotated every year, and is also retained.

    Attributes:
        key: the customer managed KMS key; the topic of the alarms uses it too.
        log_group: the audit log group.
    """

    def __init__(self, scope: Construct, id_: str, *, config: AuditConfig) -> None:
        super().__init__(scope, id_)
        name = config.names.log_group
        self.key = kms.Key(
            self,
            "Key",
            description=f"Encrypts the audit records in {name}",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        arn = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:{name}"
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="CloudWatchLogs",
                principals=[iam.ServicePrincipal(f"logs.{Aws.REGION}.amazonaws.com")],
                actions=[
                    "kms:Encrypt",
                    "kms:Decrypt",
                    "kms:ReEncrypt*",
                    "kms:GenerateDataKey*",
                    "kms:DescribeKey",
                ],
                resources=["*"],
                conditions={"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": arn}},
            )
        )
        group = logs.CfnLogGroup(
            self,
            "Records",
            log_group_name=name,
            retention_in_days=config.retention_days,
            kms_key_id=self.key.key_arn,
            deletion_protection_enabled=True,
        )
        group.apply_removal_policy(RemovalPolicy.RETAIN)
        group.node.add_dependency(self.key)
        self.log_group = logs.LogGroup.from_log_group_name(self, "Group", group.ref)
        for title, query in SAVED_QUERIES.items():
            logs.CfnQueryDefinition(
                self,
                title.title().replace(" ", ""),
                name=f"{config.name}/{title}",
                query_string=query,
                log_group_names=[group.ref],
            )
