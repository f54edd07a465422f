"""Who may what, and what runs: roles, functions, schedules."""

import json
from typing import TYPE_CHECKING, Any

from audit_ops.local.resources.registry import Kind, Made, Properties, PutKind, resource

if TYPE_CHECKING:
    from audit_ops.local.cloud import LocalCloud


@resource(
    "AWS::IAM::Role",
    "AssumeRolePolicyDocument",
    "ManagedPolicyArns",
    "Policies",
    "Tags",
    replaced_by=("RoleName",),
)
class Role(Kind):
    """A role. AWS's own managed policies are noted and not evaluated: no function of ours has one."""

    def make(self, cloud: "LocalCloud", name: str, properties: Properties) -> Made:
        made = cloud.client("iam").create_role(
            RoleName=properties.get("RoleName", name[:64]),
            AssumeRolePolicyDocument=json.dumps(properties["AssumeRolePolicyDocument"]),
            Tags=properties.get("Tags", []),
        )["Role"]
        role = Made(made["RoleName"], {"Arn": made["Arn"], "RoleId": made["RoleId"]})
        self._put_policies(cloud, role, properties)
        return role

    def update(self, cloud: "LocalCloud", name: str, made: Made, properties: Properties) -> Made:
        del name
        trust = {"Version": "2012-10-17", **properties["AssumeRolePolicyDocument"]}
        cloud.client("iam").update_assume_role_policy(
            RoleName=made.ref, PolicyDocument=json.dumps(trust)
        )
        self._put_policies(cloud, made, properties)
        return made

    @staticmethod
    def _put_policies(cloud: "LocalCloud", made: Made, properties: Properties) -> None:
        iam = cloud.client("iam")
        for policy in properties.get("Policies", []):
            iam.put_role_policy(
                RoleName=made.ref,
                PolicyName=policy["PolicyName"],
                PolicyDocument=json.dumps(policy["PolicyDocument"]),
            )

    def delete(self, cloud: "LocalCloud", name: str, made: Made, properties: Properties) -> None:
        del name
        iam = cloud.client("iam")
        for policy in properties.get("Policies", []):
            iam.delete_role_policy(RoleName=made.ref, PolicyName=policy["PolicyName"])
        iam.delete_role(RoleName=made.ref)


@resource("AWS::IAM::Policy", "PolicyDocument", replaced_by=("PolicyName", "Roles"))
class Policy(PutKind):
    """A policy inside of some roles."""

    def make(self, cloud: "LocalCloud", name: str, properties: Properties) -> Made:
        for role_name in properties["Roles"]:
            cloud.client("iam").put_role_policy(
                RoleName=role_name,
                PolicyName=properties["PolicyName"],
                PolicyDocument=json.dumps(properties["PolicyDocument"]),
            )
        return Made(name)

    def delete(self, cloud: "LocalCloud", name: str, made: Made, properties: Properties) -> None:
        del name, made
        for role_name in properties["Roles"]:
            cloud.client("iam").delete_role_policy(
                RoleName=role_name, PolicyName=properties["PolicyName"]
            )


@resource(
    "AWS::Lambda::Function",
    "Architectures",
    "Code",
    "DeadLetterConfig",
    "Environment",
    "Handler",
    "LoggingConfig",
    "MemorySize",
    "Role",
    "Runtime",
    "Timeout",
    replaced_by=("FunctionName",),
)
class Function(Kind):
    """A function; its processes start anew when its code or configuration changes."""

    def make(self, cloud: "LocalCloud", name: str, properties: Properties) -> Made:
        name = properties.get("FunctionName", name)
        made = cloud.client("lambda").create_function(
            FunctionName=name,
            Code=properties["Code"],
            Architectures=properties.get("Architectures", ["x86_64"]),
            **_configuration(properties),
        )
        return Made(name, {"Arn": made["FunctionArn"]})

    def update(self, cloud: "LocalCloud", name: str, made: Made, properties: Properties) -> Made:
        del name
        functions = cloud.client("lambda")
        functions.update_function_code(FunctionName=made.ref, **properties["Code"])
        functions.update_function_configuration(FunctionName=made.ref, **_configuration(properties))
        return made

    def delete(self, cloud: "LocalCloud", name: str, made: Made, properties: Properties) -> None:
        del name, properties
        cloud.client("lambda").delete_function(FunctionName=made.ref)


def _configuration(properties: Properties) -> dict[str, Any]:
    return {
        "Runtime": properties["Runtime"],
        "Role": properties["Role"],
        "Handler": properties["Handler"],
        "Timeout": int(properties.get("Timeout", 3)),
        "MemorySize": int(properties.get("MemorySize", 128)),
        "Environment": properties.get("Environment", {}),
        "DeadLetterConfig": properties.get("DeadLetterConfig", {}),
        "LoggingConfig": properties.get("LoggingConfig", {}),
    }


@resource(
    "AWS::Lambda::Permission",
    replaced_by=("Action", "FunctionName", "Principal", "SourceAccount", "SourceArn"),
)
class Permission(PutKind):
    """What another service may do with a function."""

    def make(self, cloud: "LocalCloud", name: str, properties: Properties) -> Made:
        optional = ("SourceAccount", "SourceArn")
        cloud.client("lambda").add_permission(
            StatementId=name,
            FunctionName=properties["FunctionName"],
            Action=properties["Action"],
            Principal=properties["Principal"],
            **{key: properties[key] for key in optional if key in properties},
        )
        return Made(name)

    def delete(self, cloud: "LocalCloud", name: str, made: Made, properties: Properties) -> None:
        del name
        cloud.client("lambda").remove_permission(
            FunctionName=properties["FunctionName"], StatementId=made.ref
        )


@resource(
    "AWS::Events::Rule",
    "Description",
    "ScheduleExpression",
    "State",
    "Targets",
    replaced_by=("Name",),
)
class Rule(PutKind):
    """A schedule."""

    def make(self, cloud: "LocalCloud", name: str, properties: Properties) -> Made:
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

    def delete(self, cloud: "LocalCloud", name: str, made: Made, properties: Properties) -> None:
        del name
        events = cloud.client("events")
        events.remove_targets(Rule=made.ref, Ids=[target["Id"] for target in properties["Targets"]])
        events.delete_rule(Name=made.ref)
