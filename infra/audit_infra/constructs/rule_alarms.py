"""Creates a metric filter and an alarm for each rule, and the subscription filter of the matcher."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from audit_infra.constructs.function import logs_may_invoke
from audit_rules import AuditConfig, Rule

__all__ = ["MatcherSubscription", "RuleAlarms"]

_MAX_DESCRIPTION_LENGTH = 1024


class RuleAlarms(Construct):
    """The metric filters and alarms of all rules.

    An alarm goes into ALARM when at least `threshold` records were counted in `window_minutes`; missing
    data do not breach. It publishes its changes to ALARM and OK to the topic.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        config: AuditConfig,
        log_group: logs.ILogGroup,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, id_)
        action = actions.SnsAction(topic)
        for rule in config.rules:
            scope_of_rule = Construct(self, rule.id)
            logs.CfnMetricFilter(
                scope_of_rule,
                "Filter",
                filter_name=rule.id,
                log_group_name=log_group.log_group_name,
                filter_pattern=rule.pattern.text,
                metric_transformations=[
                    logs.CfnMetricFilter.MetricTransformationProperty(
                        metric_namespace=config.names.namespace,
                        metric_name=rule.id,
                        metric_value="1",
                    )
                ],
            )
            alarm = cloudwatch.Alarm(
                scope_of_rule,
                "Alarm",
                alarm_name=config.names.alarm(rule.id),
                alarm_description=_description(rule),
                metric=cloudwatch.Metric(
                    namespace=config.names.namespace,
                    metric_name=rule.id,
                    statistic="Sum",
                    period=Duration.minutes(rule.window_minutes),
                ),
                evaluation_periods=1,
                threshold=rule.threshold,
                comparison_operator=(
                    cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
                ),
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            alarm.add_alarm_action(action)
            alarm.add_ok_action(action)


class MatcherSubscription(Construct):
    """The subscription filter that sends every audit record to the matcher when it arrives."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        log_group: logs.ILogGroup,
        function: lambda_.IFunction,
    ) -> None:
        super().__init__(scope, id_)
        permission = logs_may_invoke(self, function, log_group.log_group_arn)
        subscription = logs.CfnSubscriptionFilter(
            self,
            "Records",
            log_group_name=log_group.log_group_name,
            filter_name="matcher",
            filter_pattern="",
            destination_arn=function.function_arn,
        )
        subscription.node.add_dependency(permission)


def _description(rule: Rule) -> str:
    return f"[{rule.severity}] {rule.title}\n{rule.description}".strip()[:_MAX_DESCRIPTION_LENGTH]
