"""Creates the topic of the alarms, the schedule of the functions, and the table of the outbox."""

from collections.abc import Sequence

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

__all__ = ["AlarmTopic", "EveryMinute", "OutboxTable"]


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


class OutboxTable(Construct):
    """The DynamoDB table of the outbox, encrypted with the key of the audit log group.

    It is protected from deletion and retained when the stack is deleted: what waits in it was not told. It has
    no point-in-time recovery, which would keep the lines that are removed when they were told; the audit log
    group has all records.

    Attributes:
        table: the table, with the partition key `id`, the time to live (TTL) attribute `expires_at`, and the
            indexes `waiting` and `counted`, which contain keys only.
    """

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey) -> None:
        super().__init__(scope, id_)
        self._key = key
        text, number = dynamodb.AttributeType.STRING, dynamodb.AttributeType.NUMBER
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="id", type=text),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="expires_at",
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        for name, partition, sort in (
            ("waiting", "waits", dynamodb.Attribute(name="place", type=text)),
            ("counted", "counts", dynamodb.Attribute(name="at", type=number)),
        ):
            self.table.add_global_secondary_index(
                index_name=name,
                partition_key=dynamodb.Attribute(name=partition, type=text),
                sort_key=sort,
                projection_type=dynamodb.ProjectionType.KEYS_ONLY,
            )

    def grant(self, role: iam.IRole, *actions: str, indexes: Sequence[str]) -> None:
        """Allow a role to read, put and change items, to query some indexes, and to do further actions.

        It may use the key for DynamoDB only. Nobody but administrators may scan the table.
        """
        items = ("dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", *actions)
        table = self.table.table_arn
        for allowed, resources in (
            (list(items), [table]),
            (["dynamodb:Query"], [f"{table}/index/{name}" for name in indexes]),
        ):
            role.add_to_principal_policy(iam.PolicyStatement(actions=allowed, resources=resources))
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=[
                    "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*",
                    "kms:ReEncrypt*",
                ],
                resources=[self._key.key_arn],
                conditions={
                    "StringEquals": {"kms:ViaService": f"dynamodb.{Aws.REGION}.amazonaws.com"}
                },
            )
        )  # fmt: skip


class EveryMinute(Construct):
    """The EventBridge rule that invokes some functions every minute.

    A dead-letter queue keeps the events that could not be delivered.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        names: Names,
        functions: Sequence[lambda_.IFunction],
    ) -> None:
        super().__init__(scope, id_)
        undelivered = dead_letter_queue(self, "Undelivered")
        events.Rule(
            self,
            "Schedule",
            rule_name=f"{names.trail}-sweep",
            description="Sends what waits, counts thresholds again, and checks the alarms in ALARM",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[
                targets.LambdaFunction(function, dead_letter_queue=undelivered)
                for function in functions
            ],
        )
