"""Creates the topic of the alarms, the schedule that invokes the forwarder, and the ledger table."""

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from audit_infra.constructs.function import dead_letter_queue
from audit_rules import Names

__all__ = ["AlarmTopic", "LedgerTable", "SweepSchedule"]


class AlarmTopic(Construct):
    """The SNS topic that alarms publish to, encrypted with the key of the audit log group.

    The policies of the topic and the key allow CloudWatch to publish for this account.

    Attributes:
        topic: the SNS topic.
    """

    def __init__(self, scope: Construct, id_: str, *, name: str, key: kms.IKey) -> None:
        super().__init__(scope, id_)
        self.topic = sns.Topic(self, "Topic", topic_name=name, master_key=key, enforce_ssl=True)
        cloudwatch = iam.ServicePrincipal("cloudwatch.amazonaws.com")
        own_account = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsMaySpeak",
                principals=[cloudwatch],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions=own_account,
            )
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsMaySpeakInSecret",
                principals=[cloudwatch],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions=own_account,
            )
        )

    def invoke(self, function: lambda_.IFunction) -> None:
        """Subscribe a function to the topic; a dead-letter queue keeps undelivered messages for 14 days."""
        undelivered = dead_letter_queue(self, "Undelivered")
        self.topic.add_subscription(
            subscriptions.LambdaSubscription(function, dead_letter_queue=undelivered)
        )


class LedgerTable(Construct):
    """The DynamoDB table in which the forwarder stores what was sent; it is deleted with the stack.

    Attributes:
        table: the table, with the partition key `id` and the time to live (TTL) attribute `expires_at`.
    """

    def __init__(self, scope: Construct, id_: str, *, name: str) -> None:
        super().__init__(scope, id_)
        self.table = dynamodb.Table(
            self,
            "Table",
            table_name=name,
            partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="expires_at",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )


class SweepSchedule(Construct):
    """The EventBridge rule that invokes the forwarder every two minutes.

    The forwarder then sends held records, and new records of alarms that stay in ALARM.
    """

    def __init__(
        self, scope: Construct, id_: str, *, names: Names, function: lambda_.IFunction
    ) -> None:
        super().__init__(scope, id_)
        events.Rule(
            self,
            "Schedule",
            rule_name=f"{names.trail}-sweep",
            description="Invokes the forwarder for held records and for new records of alarms in ALARM",
            schedule=events.Schedule.rate(Duration.minutes(2)),
            targets=[
                targets.LambdaFunction(
                    function, dead_letter_queue=dead_letter_queue(self, "Undelivered")
                )
            ],
        )
