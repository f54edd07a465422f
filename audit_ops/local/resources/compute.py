"""Who may what, and what runs: roles, functions, schedules."""

import json
from typing import TYPE_CHECKING, Any

from audit_ops.local.resources.registry import Made, resource

if TYPE_CHECKING:
    from audit_ops.local.cloud import LocalCloud


@resource("AWS::IAM::Role", "AssumeRolePolicyDocument", attributes=("Arn", "RoleId"))
def role(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:
    made = cloud.client("iam").create_role(
        RoleName=name[:64],
        AssumeRolePolicyDocument=json.dumps(properties["AssumeRolePolicyDocument"]),
    )["Role"]
    return Made(made["RoleName"], {"Arn": made["Arn"], "RoleId": made["RoleId"]})


@resource("AWS::IAM::Policy", "PolicyDocument", "PolicyName", "Roles")
def policy(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:
    for role_name in properties["Roles"]:
        cloud.client("iam").put_role_policy(
            RoleName=role_name,
            PolicyName=properties["PolicyName"],
            PolicyDocument=json.dumps(properties["PolicyDocument"]),
        )
    return Made(name)


@resource(
    "AWS::Lambda::Function",
    "Architectures",
    "Code",
    "DeadLetterConfig",
    "Environment",
    "FunctionName",
    "Handler",
    "LoggingConfig",
    "MemorySize",
    "Role",
    "Runtime",
    "Timeout",
    attributes=("Arn",),
)
def function(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:
    name = properties.get("FunctionName", name)
    made = cloud.client("lambda").create_function(
        FunctionName=name,
        Runtime=properties["Runtime"],
        Role=properties["Role"],
        Handler=properties["Handler"],
        Code=properties["Code"],
        Timeout=int(properties.get("Timeout", 3)),
        MemorySize=int(properties.get("MemorySize", 128)),
        Environment=properties.get("Environment", {}),
        Architectures=properties.get("Architectures", ["x86_64"]),
    )
    cloud.configure_function(
        name,
        log_group=properties.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{name}"),
        dead_letter_arn=properties.get("DeadLetterConfig", {}).get("TargetArn", ""),
    )
    return Made(name, {"Arn": made["FunctionArn"]})


@resource(
    "AWS::Lambda::Permission", "Action", "FunctionName", "Principal", "SourceAccount", "SourceArn"
)
def permission(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:
    optional = ("SourceAccount", "SourceArn")
    cloud.client("lambda").add_permission(
        StatementId=name,
        FunctionName=properties["FunctionName"],
        Action=properties["Action"],
        Principal=properties["Principal"],
        **{key: properties[key] for key in optional if key in properties},
    )
    return Made(name)


@resource(
    "AWS::Events::Rule", "Description", "Name", "ScheduleExpression", "State", "Targets",
    attributes=("Arn",),
)  # fmt: skip
def rule(cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made:
    events = cloud.client("events")
    name = properties.get("Name", name)
    arn = events.put_rule(
        Name=name,
        Description=properties.get("Description", ""),
        ScheduleExpression=properties["ScheduleExpression"],
        State=properties.get("State", "ENABLED"),
    )["RuleArn"]
    events.put_targets(Rule=name, Targets=properties["Targets"])
    return Made(name, {"Arn": arn})
