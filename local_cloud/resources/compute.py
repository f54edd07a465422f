"""Roles, functions and schedules."""

import io
import json
import zipfile
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, iam_backends

from local_cloud._protocol import Cloud
from local_cloud.resources.registry import Kind, Made, Properties, PutKind, resource


@resource(
    "AWS::IAM::Role",
    "AssumeRolePolicyDocument",
    "ManagedPolicyArns",
    "Policies",
    "Tags",
    replaced_by=("RoleName",),
)
class Role(Kind):
    """A role; AWS's own managed policies are those that moto ships."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        made = cloud.client("iam").create_role(
            RoleName=properties.get("RoleName", name[:64]),
            AssumeRolePolicyDocument=json.dumps(properties["AssumeRolePolicyDocument"]),
            Tags=properties.get("Tags", []),
        )["Role"]
        role = Made(made["RoleName"], {"Arn": made["Arn"], "RoleId": made["RoleId"]})
        try:
            self._put_policies(cloud, role, properties, {})
        except Exception:
            self.delete(cloud, role, properties)
            raise
        return role

    def update(self, cloud: Cloud, made: Made, new: Properties, old: Properties) -> Made:
        trust = {"Version": "2012-10-17", **new["AssumeRolePolicyDocument"]}
        cloud.client("iam").update_assume_role_policy(
            RoleName=made.ref, PolicyDocument=json.dumps(trust)
        )
        self._put_policies(cloud, made, new, old)
        return made

    @staticmethod
    def _put_policies(cloud: Cloud, made: Made, properties: Properties, before: Properties) -> None:
        iam = cloud.client("iam")
        wanted = {p["PolicyName"]: p["PolicyDocument"] for p in properties.get("Policies", [])}
        for name in {p["PolicyName"] for p in before.get("Policies", [])} - wanted.keys():
            iam.delete_role_policy(RoleName=made.ref, PolicyName=name)
        for name, document in wanted.items():
            iam.put_role_policy(
                RoleName=made.ref, PolicyName=name, PolicyDocument=json.dumps(document)
            )
        arns = properties.get("ManagedPolicyArns", [])
        for arn in set(before.get("ManagedPolicyArns", [])) - set(arns):
            iam.detach_role_policy(RoleName=made.ref, PolicyArn=arn)
        for arn in arns:
            _load_managed_policy(cloud, arn)
            iam.attach_role_policy(RoleName=made.ref, PolicyArn=arn)

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del properties
        iam = cloud.client("iam")
        for policy in iam.list_role_policies(RoleName=made.ref)["PolicyNames"]:
            iam.delete_role_policy(RoleName=made.ref, PolicyName=policy)
        for policy in iam.list_attached_role_policies(RoleName=made.ref)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=made.ref, PolicyArn=policy["PolicyArn"])
        iam.delete_role(RoleName=made.ref)


def _load_managed_policy(cloud: Cloud, arn: str) -> None:
    """Load one of AWS's managed policies, whose documents moto ships without loading them."""
    known = iam_backends[cloud.account]["aws"].managed_policies
    name = arn.rpartition("/")[2]
    if arn not in known and ":iam::aws:policy/" in arn:
        data = _managed_policies()
        if name not in data:
            raise ValueError(f"Policy {arn} does not exist or is not attachable.")
        known[arn] = AWSManagedPolicy.from_data(name, cloud.account, cloud.region, data[name])


@cache
def _managed_policies() -> dict[str, Any]:
    documents: dict[str, Any] = json.loads(aws_managed_policies_data)
    return documents


@resource("AWS::IAM::Policy", "PolicyDocument", replaced_by=("PolicyName", "Roles"))
class Policy(PutKind):
    """A policy of some roles."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        for role_name in properties["Roles"]:
            cloud.client("iam").put_role_policy(
                RoleName=role_name,
                PolicyName=properties["PolicyName"],
                PolicyDocument=json.dumps(properties["PolicyDocument"]),
            )
        return Made(name)

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del made
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
    """A function; a change of its code or configuration starts new processes."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        name = properties.get("FunctionName", name)
        made = cloud.client("lambda").create_function(
            FunctionName=name,
            Code=_code(properties),
            Architectures=properties.get("Architectures", ["x86_64"]),
            **_configuration(properties),
        )
        return Made(name, {"Arn": made["FunctionArn"]})

    def update(self, cloud: Cloud, made: Made, new: Properties, old: Properties) -> Made:
        del old
        functions = cloud.client("lambda")
        functions.update_function_code(FunctionName=made.ref, **_code(new))
        functions.update_function_configuration(FunctionName=made.ref, **_configuration(new))
        return made

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del properties
        cloud.client("lambda").delete_function(FunctionName=made.ref)


def _code(properties: Properties) -> dict[str, Any]:
    """Return a function's code as the API takes it; text in a template is the file `index.py`.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-code.html
    """
    code: dict[str, Any] = properties["Code"]
    if "ZipFile" not in code:
        return code
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.py"), code["ZipFile"])
    return {"ZipFile": packed.getvalue()}


def _configuration(properties: Properties) -> dict[str, Any]:
    return {
        "Runtime": properties["Runtime"],
        "Role": properties["Role"],
        "Handler": properties["Handler"],
        "Timeout": int(properties.get("Timeout", 3)),
        "MemorySize": int(properties.get("MemorySize", 128)),
        "Environment": properties.get("Environment", {"Variables": {}}),
        "DeadLetterConfig": properties.get("DeadLetterConfig", {}),
        "LoggingConfig": properties.get("LoggingConfig", {}),
    }


@resource(
    "AWS::Lambda::Permission",
    replaced_by=("Action", "FunctionName", "Principal", "SourceAccount", "SourceArn"),
)
class Permission(PutKind):
    """A permission of another service to use a function."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        optional = ("SourceAccount", "SourceArn")
        cloud.client("lambda").add_permission(
            StatementId=name,
            FunctionName=properties["FunctionName"],
            Action=properties["Action"],
            Principal=properties["Principal"],
            **{key: properties[key] for key in optional if key in properties},
        )
        return Made(name)

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
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
class Rule(Kind):
    """A schedule."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        return self._put(cloud, properties.get("Name", name), properties)

    def update(self, cloud: Cloud, made: Made, new: Properties, old: Properties) -> Made:
        gone = _target_ids(old) - _target_ids(new)
        if gone:
            cloud.client("events").remove_targets(Rule=made.ref, Ids=sorted(gone))
        return self._put(cloud, made.ref, new)

    @staticmethod
    def _put(cloud: Cloud, name: str, properties: Properties) -> Made:
        events = cloud.client("events")
        arn = events.put_rule(
            Name=name,
            Description=properties.get("Description", ""),
            ScheduleExpression=properties["ScheduleExpression"],
            State=properties.get("State", "ENABLED"),
        )["RuleArn"]
        events.put_targets(Rule=name, Targets=properties["Targets"])
        return Made(name, {"Arn": arn})

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        events = cloud.client("events")
        events.remove_targets(Rule=made.ref, Ids=sorted(_target_ids(properties)))
        events.delete_rule(Name=made.ref)


def _target_ids(properties: Properties) -> set[str]:
    return {target["Id"] for target in properties.get("Targets", [])}
