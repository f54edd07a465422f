"""What watches and speaks: filters on log groups, alarms, topics."""

import json
from typing import TYPE_CHECKING, Any

from audit_ops.local.resources.registry import Made, resource

if TYPE_CHECKING:
    from audit_ops.local.cloud import LocalCloud


@resource(
    "AWS::Logs::SubscriptionFilter", "DestinationArn", "FilterName", "FilterPattern", "LogGroupName"
)
def subscription_filter(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:
    name = properties.get("FilterName", name)
    cloud.client("logs").put_subscription_filter(
        logGroupName=properties["LogGroupName"],
        filterName=name,
        filterPattern=properties["FilterPattern"],
        destinationArn=properties["DestinationArn"],
    )
    return Made(name)


@resource(
    "AWS::Logs::MetricFilter",
    "FilterName",
    "FilterPattern",
    "LogGroupName",
    "MetricTransformations",
)
def metric_filter(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:
    name = properties.get("FilterName", name)
    cloud.client("logs").put_metric_filter(
        logGroupName=properties["LogGroupName"],
        filterName=name,
        filterPattern=properties["FilterPattern"],
        metricTransformations=[
            {f"{key[0].lower()}{key[1:]}": value for key, value in each.items()}
            for each in properties["MetricTransformations"]
        ],
    )
    return Made(name)


@resource(
    "AWS::CloudWatch::Alarm",
    "AlarmActions",
    "AlarmDescription",
    "AlarmName",
    "ComparisonOperator",
    "EvaluationPeriods",
    "MetricName",
    "Namespace",
    "OKActions",
    "Period",
    "Statistic",
    "Threshold",
    "TreatMissingData",
    attributes=("Arn",),
)
def alarm(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:
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


@resource("AWS::SNS::Topic", "KmsMasterKeyId", "TopicName", attributes=("TopicArn", "TopicName"))
def topic(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:
    name = properties.get("TopicName", name)
    key = properties.get("KmsMasterKeyId")
    attributes = {"KmsMasterKeyId": key} if key else {}
    arn = cloud.client("sns").create_topic(Name=name, Attributes=attributes)["TopicArn"]
    return Made(arn, {"TopicArn": arn, "TopicName": name})


@resource("AWS::SNS::TopicPolicy", "PolicyDocument", "Topics")
def topic_policy(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:
    for arn in properties["Topics"]:
        cloud.client("sns").set_topic_attributes(
            TopicArn=arn,
            AttributeName="Policy",
            AttributeValue=json.dumps(properties["PolicyDocument"]),
        )
    return Made(name)


@resource("AWS::SNS::Subscription", "Endpoint", "Protocol", "RedrivePolicy", "TopicArn")
def subscription(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:  # noqa: ARG001
    redrive = properties.get("RedrivePolicy")
    answer = cloud.client("sns").subscribe(
        TopicArn=properties["TopicArn"],
        Protocol=properties["Protocol"],
        Endpoint=properties["Endpoint"],
        Attributes={"RedrivePolicy": json.dumps(redrive)} if redrive else {},
        ReturnSubscriptionArn=True,
    )
    return Made(answer["SubscriptionArn"])
