"""Monitoring: filters on log groups, alarms, topics and their subscriptions."""

import json
from typing import Any

from local_cloud._protocol import Cloud
from local_cloud.resources.registry import Kind, Made, Properties, PutKind, resource


@resource(
    "AWS::Logs::SubscriptionFilter",
    "DestinationArn",
    "FilterPattern",
    replaced_by=("FilterName", "LogGroupName"),
)
class SubscriptionFilter(PutKind):
    """A subscription filter: the lines of a log group that go to a function."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        name = properties.get("FilterName", name)
        cloud.client("logs").put_subscription_filter(
            logGroupName=properties["LogGroupName"],
            filterName=name,
            filterPattern=properties["FilterPattern"],
            destinationArn=properties["DestinationArn"],
        )
        return Made(name)

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        cloud.client("logs").delete_subscription_filter(
            logGroupName=properties["LogGroupName"], filterName=made.ref
        )


@resource(
    "AWS::Logs::MetricFilter",
    "FilterPattern",
    "MetricTransformations",
    replaced_by=("FilterName", "LogGroupName"),
)
class MetricFilter(PutKind):
    """A metric filter: the lines of a log group that are counted."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        name = properties.get("FilterName", name)
        cloud.client("logs").put_metric_filter(
            logGroupName=properties["LogGroupName"],
            filterName=name,
            filterPattern=properties["FilterPattern"],
            metricTransformations=list(map(_transformation, properties["MetricTransformations"])),
        )
        return Made(name)

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        cloud.client("logs").delete_metric_filter(
            logGroupName=properties["LogGroupName"], filterName=made.ref
        )


@resource(
    "AWS::CloudWatch::Alarm",
    "AlarmActions",
    "AlarmDescription",
    "ComparisonOperator",
    "EvaluationPeriods",
    "MetricName",
    "Namespace",
    "OKActions",
    "Period",
    "Statistic",
    "Threshold",
    "TreatMissingData",
    replaced_by=("AlarmName",),
)
class Alarm(PutKind):
    """An alarm on the sum of a metric."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        name = properties.get("AlarmName", name)
        if properties["Statistic"] != "Sum":
            raise ValueError(f"alarms are evaluated on Sum here, not on {properties['Statistic']}")
        cloud.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            AlarmDescription=properties.get("AlarmDescription", ""),
            Namespace=properties["Namespace"],
            MetricName=properties["MetricName"],
            Statistic=properties["Statistic"],
            Period=int(properties["Period"]),
            EvaluationPeriods=int(properties["EvaluationPeriods"]),
            Threshold=float(properties["Threshold"]),
            ComparisonOperator=properties["ComparisonOperator"],
            TreatMissingData=properties.get("TreatMissingData", "missing"),
            AlarmActions=properties.get("AlarmActions", []),
            OKActions=properties.get("OKActions", []),
        )
        return Made(name, {"Arn": cloud.arn("cloudwatch", f"alarm:{name}")})

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del properties
        cloud.client("cloudwatch").delete_alarms(AlarmNames=[made.ref])


@resource("AWS::SNS::Topic", "DisplayName", "KmsMasterKeyId", replaced_by=("TopicName",))
class Topic(Kind):
    """A topic."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        name = properties.get("TopicName", name)
        arn = cloud.client("sns").create_topic(Name=name)["TopicArn"]
        made = Made(arn, {"TopicArn": arn, "TopicName": name})
        return self.update(cloud, made, properties, {})

    def update(self, cloud: Cloud, made: Made, new: Properties, old: Properties) -> Made:
        del old
        for attribute in ("DisplayName", "KmsMasterKeyId"):
            _set(cloud, made.ref, attribute, new.get(attribute, ""))
        return made

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del properties
        cloud.client("sns").delete_topic(TopicArn=made.ref)


@resource("AWS::SNS::TopicPolicy", "PolicyDocument", replaced_by=("Topics",))
class TopicPolicy(PutKind):
    """A policy of some topics."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        for arn in properties["Topics"]:
            _set(cloud, arn, "Policy", json.dumps(properties["PolicyDocument"]))
        return Made(name)

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del made
        for arn in properties["Topics"]:
            _set(cloud, arn, "Policy", json.dumps(_owners_policy(cloud, arn)))


@resource(
    "AWS::SNS::Subscription", "RedrivePolicy", replaced_by=("Endpoint", "Protocol", "TopicArn")
)
class Subscription(Kind):
    """A subscription: a receiver of a topic's messages."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        del name
        redrive = properties.get("RedrivePolicy")
        answer = cloud.client("sns").subscribe(
            TopicArn=properties["TopicArn"],
            Protocol=properties["Protocol"],
            Endpoint=properties["Endpoint"],
            Attributes={"RedrivePolicy": json.dumps(redrive)} if redrive else {},
            ReturnSubscriptionArn=True,
        )
        return Made(answer["SubscriptionArn"])

    def update(self, cloud: Cloud, made: Made, new: Properties, old: Properties) -> Made:
        del old
        cloud.client("sns").set_subscription_attributes(
            SubscriptionArn=made.ref,
            AttributeName="RedrivePolicy",
            AttributeValue=json.dumps(new.get("RedrivePolicy", {})),
        )
        return made

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del properties
        cloud.client("sns").unsubscribe(SubscriptionArn=made.ref)


def _transformation(properties: Properties) -> dict[str, Any]:
    """Return a metric transformation as the API takes it."""
    given = {f"{key[0].lower()}{key[1:]}": value for key, value in properties.items()}
    if "dimensions" in given:
        given["dimensions"] = {each["Key"]: each["Value"] for each in given["dimensions"]}
    return given


def _owners_policy(cloud: Cloud, topic_arn: str) -> dict[str, Any]:
    """Return the policy that a topic has by default."""
    verbs = (
        "GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission",
        "DeleteTopic", "Subscribe", "ListSubscriptionsByTopic", "Publish",
    )  # fmt: skip
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{verb}" for verb in verbs],
        "Resource": topic_arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": cloud.account}},
    }
    return {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}


def _set(cloud: Cloud, topic_arn: str, name: str, value: Any) -> None:
    cloud.client("sns").set_topic_attributes(
        TopicArn=topic_arn, AttributeName=name, AttributeValue=value
    )
