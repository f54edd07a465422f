"""Defines the CloudFormation stack of an audit trail: composes its constructs and grants permissions."""

from pathlib import Path
from typing import Any

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from audit_infra.assets import forwarder_asset, router_asset
from audit_infra.constructs.function import AuditFunction, dead_letter_queue
from audit_infra.constructs.notifications import AlarmTopic, LedgerTable, SweepSchedule
from audit_infra.constructs.record_store import RecordStore
from audit_infra.constructs.routing import Routing
from audit_infra.constructs.rule_alarms import RuleAlarms, UrgentSubscription
from audit_rules import AuditConfig

__all__ = ["TrailStack"]


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
            },
        )
        store.log_group.grant_write(router.role)
        rejected.grant(router.role, "sqs:SendMessage")
        Routing(self, "Routing", log_groups=config.sources.log_groups, router=router.function)

        alarms = AlarmTopic(self, "Alarms", name=f"{names.trail}-alarms", key=store.key)
        ledger = LedgerTable(self, "Ledger", name=f"{names.trail}-told")
        forwarder = AuditFunction(
            self,
            "Forwarder",
            name=names.forwarder,
            asset=forwarder_asset(config_file),
            timeout=Duration.minutes(5),
            memory_mb=512,
            environment={
                "AUDIT_LOG_GROUP": names.log_group,
                "LEDGER_TABLE": ledger.table.table_name,
            },
        )
        store.log_group.grant(forwarder.role, "logs:FilterLogEvents")
        ledger.table.grant(
            forwarder.role, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"
        )
        for statement in _channel_statements(config):
            forwarder.role.add_to_principal_policy(statement)
        alarms.invoke(forwarder.function)
        SweepSchedule(self, "Sweep", names=names, function=forwarder.function)
        RuleAlarms(self, "Watch", config=config, log_group=store.log_group, topic=alarms.topic)
        if pattern := config.urgent_pattern:
            UrgentSubscription(
                self, "Urgency", pattern=pattern, log_group=store.log_group,
                function=forwarder.function,
            )  # fmt: skip


def _channel_statements(config: AuditConfig) -> list[iam.PolicyStatement]:
    """Return the IAM statements for the channels, and for reading the states of the trail's alarms."""
    own = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
    alarms = iam.PolicyStatement(
        actions=["cloudwatch:DescribeAlarms"],
        resources=[f"arn:{Aws.PARTITION}:cloudwatch:{own}:alarm:{config.names.alarm('*')}"],
    )
    grants = [grant for channel in config.channels.values() for grant in channel.grants]
    return [
        alarms,
        *(
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
        ),
    ]
