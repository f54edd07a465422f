"""Two stacks: the one keeps the log, the other watches it. A CDK app of the usual constructs."""

from aws_cdk import App, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions

app = App()
keeping = Stack(app, "Keeping")
group = logs.LogGroup(
    keeping, "Log", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
)
watching = Stack(app, "Watching")
topic = sns.Topic(watching, "Topic", display_name="Errors")
topic.add_subscription(subscriptions.EmailSubscription("team@example.com"))
errors = logs.MetricFilter(
    watching, "Errors", log_group=group, metric_namespace="App", metric_name="Errors",
    filter_pattern=logs.FilterPattern.string_value("$.level", "=", "ERROR"), metric_value="1",
)  # fmt: skip
alarm = errors.metric(statistic="Sum", period=Duration.minutes(1)).create_alarm(
    watching, "Alarm", threshold=2, evaluation_periods=1,
    treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
)  # fmt: skip
alarm.add_alarm_action(actions.SnsAction(topic))
app.synth()
