"""Defines the CloudFormation stack of an audit trail: composes its constructs and grants permissions."""

from pathlib import Path
from typing import Any

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from audit_infra.assets import forwarder_asset, router_asset
from audit_infra.constructs.function import AuditFunction, dead_letter_queue
from audit_infra.constructs.notifications import AlarmTopic, EveryMinute, OutboxTable
from audit_infra.constructs.record_store import RecordStore
from audit_infra.constructs.routing import Routing
from audit_infra.constructs.rule_alarms import MatcherSubscription, RuleAlarms
from audit_rules import AuditConfig

__all__ = ["FORWARDER_TIMEOUT_SECONDS", "TrailStack"]

FORWARDER_TIMEOUT_SECONDS = 300
"""A door of the outbox is held for a minute longer; a test compares both."""


class TrailStack(Stack):
    """The stack of an audit trail, from the subscriptions of the source log groups to the notifications.

    The stack has the name of the trail. The source log groups and the secrets of channels must exist.
    """

    def __init__(
        self, scope: Construct, id_: str, *, config: AuditConfig, config_file: Path, **kwargs: Any
    ) -> None:
        super().__init__(scope, id_, stack_name=config.name, **kwargs)
        names = config.names
        store = RecordStore(self, "Store", config=config)

        rejected = dead_letter_queue(self, "Rejected")  # the only copy of these records
        rejected.apply_removal_policy(RemovalPolicy.RETAIN)
        router = AuditFunction(
            self,
            "Router",
            name=names.router,
            asset=router_asset(),
            timeout=Duration.minutes(1),
            environment={
                "AUDIT_LOG_GROUP": names.log_group,
                "REJECTED_QUEUE_URL": rejected.queue_url,
                "MATCHER": names.matcher,
            },
        )
        store.log_group.grant_write(router.role)
        rejected.grant(router.role, "sqs:SendMessage")
        router.role.add_to_principal_policy(_may_invoke(names.matcher))
        Routing(self, "Routing", log_groups=config.sources.log_groups, router=router.function)

        alarms = AlarmTopic(self, "Alarms", name=f"{names.trail}-alarms", key=store.key)
        outbox = OutboxTable(self, "Outbox", key=store.key)
        asset = forwarder_asset(config_file)

        def function(id_: str, name: str, handler: str) -> AuditFunction:
            created = AuditFunction(
                self,
                id_,
                name=name,
                asset=asset,
                handler=handler,
                timeout=Duration.seconds(FORWARDER_TIMEOUT_SECONDS),
                memory_mb=512,
                environment={
                    "AUDIT_LOG_GROUP": names.log_group,
                    "OUTBOX_TABLE": outbox.table.table_name,
                    "TELLER": names.teller,
                },
            )
            created.role.add_to_principal_policy(_may_invoke(names.teller))
            return created

        matcher = function("Matcher", names.matcher, "match")
        teller = function("Teller", names.teller, "tell")
        forwarder = function("Forwarder", names.forwarder, "check")
        outbox.grant(matcher.role, indexes=["counted"])
        outbox.grant(teller.role, "dynamodb:GetItem", indexes=["waiting"])
        outbox.grant(forwarder.role, "dynamodb:GetItem", indexes=["counted", "waiting"])
        for statement in _channel_statements(config):
            teller.role.add_to_principal_policy(statement)
        teller.role.add_to_principal_policy(_may_write_own_records(names.log_group))
        store.log_group.grant(forwarder.role, "logs:FilterLogEvents")
        forwarder.role.add_to_principal_policy(_may_read_alarms(config))
        alarms.invoke(forwarder.function)
        MatcherSubscription(self, "Arrival", log_group=store.log_group, function=matcher.function)
        EveryMinute(self, "Sweep", names=names, functions=[teller.function, forwarder.function])
        RuleAlarms(self, "Watch", config=config, log_group=store.log_group, topic=alarms.topic)


def _may_invoke(function: str) -> iam.PolicyStatement:
    """Allow to invoke a function by its name: its ARN would make the teller depend on itself."""
    arn = f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:{Aws.ACCOUNT_ID}:function:{function}"
    return iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[arn])


def _may_write_own_records(log_group: str) -> iam.PolicyStatement:
    """Allow to write what was told, to whom, into log streams of the trail's own, and into no others."""
    group = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:{log_group}"
    return iam.PolicyStatement(
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[f"{group}:log-stream:audit_trail/*"],
    )


def _may_read_alarms(config: AuditConfig) -> iam.PolicyStatement:
    own = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
    return iam.PolicyStatement(
        actions=["cloudwatch:DescribeAlarms"],
        resources=[f"arn:{Aws.PARTITION}:cloudwatch:{own}:alarm:{config.names.alarm('*')}"],
    )


def _channel_statements(config: AuditConfig) -> list[iam.PolicyStatement]:
    """Return the IAM statements for sending to the channels."""
    own = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
    grants = [grant for channel in config.channels.values() for grant in channel.grants]
    return [
        iam.PolicyStatement(
            actions=list(grant.actions),
            resources=[
                f"arn:{Aws.PARTITION}:{grant.service}:{own}:{resource}"
                for resource in grant.resources
            ],
            conditions={
                operator: {key: list(values) for key, values in keys.items()}
                for operator, keys in grant.conditions.items()
            },
        )
        for grant in dict.fromkeys(grants)  # two channels can have the same sender
    ]
