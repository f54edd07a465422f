"""The resource types of subscription filters, metric filters, CloudWatch alarms, and SNS topics."""

import json
from typing import Any

from local_cloud._protocol import Cloud
from local_cloud.resources.registry import (
    PhysicalResource,
    Properties,
    PutResourceType,
    ResourceType,
    resource_type,
)


@resource_type(
    "AWS::Logs::SubscriptionFilter",
    "DestinationArn",
    "FilterPattern",
    replaced_by=("FilterName", "LogGroupName"),
)
class SubscriptionFilterType(PutResourceType):
    """`AWS::Logs::SubscriptionFilter`: sends matching log events of a log group to a function."""

    def exists(self, cloud: Cloud, properties: Properties) -> bool:
        found = cloud.client("logs").describe_subscription_filters(
            logGroupName=properties["LogGroupName"]
        )["subscriptionFilters"]
        return properties.get("FilterName") in {each["filterName"] for each in found}

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        name = properties.get("FilterName", name)
        cloud.client("logs").put_subscription_filter(
            logGroupName=properties["LogGroupName"],
            filterName=name,
            filterPattern=properties["FilterPattern"],
            destinationArn=properties["DestinationArn"],
        )
        return PhysicalResource(name)

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        cloud.client("logs").delete_subscription_filter(
            logGroupName=properties["LogGroupName"], filterName=resource.ref
        )


@resource_type(
    "AWS::Logs::MetricFilter",
    "FilterPattern",
    "MetricTransformations",
    replaced_by=("FilterName", "LogGroupName"),
)
class MetricFilterType(PutResourceType):
    """`AWS::Logs::MetricFilter`: publishes a metric value for each matching log event of a log group."""

    def exists(self, cloud: Cloud, properties: Properties) -> bool:
        found = cloud.client("logs").describe_metric_filters(
            logGroupName=properties["LogGroupName"]
        )["metricFilters"]
        return properties.get("FilterName") in {each["filterName"] for each in found}

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        name = properties.get("FilterName", name)
        cloud.client("logs").put_metric_filter(
            logGroupName=properties["LogGroupName"],
            filterName=name,
            filterPattern=properties["FilterPattern"],
            metricTransformations=list(map(_transformation, properties["MetricTransformations"])),
        )
        return PhysicalResource(name)

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        cloud.client("logs").delete_metric_filter(
            logGroupName=properties["LogGroupName"], filterName=resource.ref
        )


@resource_type(
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
class AlarmType(PutResourceType):
    """`AWS::CloudWatch::Alarm` on the statistic `Sum` of a metric; `PutMetricAlarm` rejects others."""

    def exists(self, cloud: Cloud, properties: Properties) -> bool:
        name = properties.get("AlarmName")
        alarms = cloud.client("cloudwatch")
        return bool(name and alarms.describe_alarms(AlarmNames=[name])["MetricAlarms"])

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        name = properties.get("AlarmName", name)
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
        return PhysicalResource(name, {"Arn": cloud.arn("cloudwatch", f"alarm:{name}")})

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del properties
        cloud.client("cloudwatch").delete_alarms(AlarmNames=[resource.ref])


@resource_type("AWS::SNS::Topic", "DisplayName", "KmsMasterKeyId", replaced_by=("TopicName",))
class TopicType(ResourceType):
    """`AWS::SNS::Topic`."""

    def exists(self, cloud: Cloud, properties: Properties) -> bool:
        arn = cloud.arn("sns", properties.get("TopicName", ""))
        return arn in {each["TopicArn"] for each in cloud.client("sns").list_topics()["Topics"]}

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        name = properties.get("TopicName", name)
        arn = cloud.client("sns").create_topic(Name=name)["TopicArn"]
        resource = PhysicalResource(arn, {"TopicArn": arn, "TopicName": name})
        return self.update(cloud, resource, properties, {})

    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        del old
        for attribute in ("DisplayName", "KmsMasterKeyId"):
            _set(cloud, resource.ref, attribute, new.get(attribute, ""))
        return resource

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del properties
        cloud.client("sns").delete_topic(TopicArn=resource.ref)


@resource_type("AWS::SNS::TopicPolicy", "PolicyDocument", replaced_by=("Topics",))
class TopicPolicyType(PutResourceType):
    """`AWS::SNS::TopicPolicy`; its deletion restores the default policy of the topics."""

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        for arn in properties["Topics"]:
            _set(cloud, arn, "Policy", json.dumps(properties["PolicyDocument"]))
        return PhysicalResource(name)

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del resource
        for arn in properties["Topics"]:
            _set(cloud, arn, "Policy", json.dumps(_owners_policy(cloud, arn)))


@resource_type(
    "AWS::SNS::Subscription", "RedrivePolicy", replaced_by=("Endpoint", "Protocol", "TopicArn")
)
class SubscriptionType(ResourceType):
    """`AWS::SNS::Subscription`: an endpoint that receives a topic's messages."""

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        del name
        redrive = properties.get("RedrivePolicy")
        answer = cloud.client("sns").subscribe(
            TopicArn=properties["TopicArn"],
            Protocol=properties["Protocol"],
            Endpoint=properties["Endpoint"],
            Attributes={"RedrivePolicy": json.dumps(redrive)} if redrive else {},
            ReturnSubscriptionArn=True,
        )
        return PhysicalResource(answer["SubscriptionArn"])

    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        del old
        cloud.client("sns").set_subscription_attributes(
            SubscriptionArn=resource.ref,
            AttributeName="RedrivePolicy",
            AttributeValue=json.dumps(new.get("RedrivePolicy", {})),
        )
        return resource

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del properties
        cloud.client("sns").unsubscribe(SubscriptionArn=resource.ref)


def _transformation(properties: Properties) -> dict[str, Any]:
    """Return a metric transformation of a template as CloudWatch Logs' API takes it."""
    given = {f"{key[0].lower()}{key[1:]}": value for key, value in properties.items()}
    if "dimensions" in given:
        given["dimensions"] = {each["Key"]: each["Value"] for each in given["dimensions"]}
    return given


def _owners_policy(cloud: Cloud, topic_arn: str) -> dict[str, Any]:
    """Return the default policy of a topic, which allows all SNS actions to the topic's account."""
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
