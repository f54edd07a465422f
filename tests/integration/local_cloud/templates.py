"""Resources for small templates."""

from typing import Any

Resources = dict[str, Any]


def function(*statements: dict[str, Any], timeout: int = 5) -> Resources:
    """Describe a function named `f`, its role with these statements, and its dead-letter queue."""
    trust = {
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ]
    }
    own = [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "arn:aws:logs:*:*:log-group:/f:*",
        },
        {
            "Effect": "Allow",
            "Action": "sqs:SendMessage",
            "Resource": {"Fn::GetAtt": ["Dead", "Arn"]},
        },
    ]
    document = {"Version": "2012-10-17", "Statement": [*own, *statements]}
    return {
        "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/f"}},
        "Dead": {"Type": "AWS::SQS::Queue"},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
        "Policy": {"Type": "AWS::IAM::Policy", "Properties": {
            "PolicyName": "p", "PolicyDocument": document, "Roles": [{"Ref": "Role"}],
        }},
        "F": {"Type": "AWS::Lambda::Function", "Properties": {
            "FunctionName": "f", "Handler": "app.handler", "Runtime": "python3.13", "Timeout": timeout,
            "Role": {"Fn::GetAtt": ["Role", "Arn"]}, "LoggingConfig": {"LogGroup": {"Ref": "Log"}},
            "Code": {"S3Bucket": "assets-123456789012", "S3Key": "1.zip"},
            "Environment": {"Variables": {"COLOUR": "red"}},
            "DeadLetterConfig": {"TargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}},
        }},
    }  # fmt: skip


def metric_filter(pattern: str, **transformation: Any) -> Resources:
    transformation = {
        "MetricName": "m",
        "MetricNamespace": "n",
        "MetricValue": "1",
        **transformation,
    }
    return {
        "G": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/g"}},
        "M": {"Type": "AWS::Logs::MetricFilter", "Properties": {
            "LogGroupName": {"Ref": "G"}, "FilterPattern": pattern, "MetricTransformations": [transformation],
        }},
    }  # fmt: skip
