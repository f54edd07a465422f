"""The resource types of IAM roles and policies, Lambda functions and permissions, EventBridge rules."""

import io
import json
import zipfile
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, iam_backends

from local_cloud._protocol import Cloud
from local_cloud.resources.registry import (
    PhysicalResource,
    Properties,
    PutResourceType,
    ResourceType,
    resource_type,
)


@resource_type(
    "AWS::IAM::Role",
    "AssumeRolePolicyDocument",
    "ManagedPolicyArns",
    "PermissionsBoundary",
    "Policies",
    "Tags",
    replaced_by=("RoleName",),
)
class RoleType(ResourceType):
    """`AWS::IAM::Role`. The AWS managed policies are those that moto contains."""

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        boundary = properties.get("PermissionsBoundary")
        if boundary:
            _check_boundary(cloud, boundary)
        created = cloud.client("iam").create_role(
            RoleName=properties.get("RoleName", name[:64]),
            AssumeRolePolicyDocument=json.dumps(properties["AssumeRolePolicyDocument"]),
            Tags=properties.get("Tags", []),
            **({"PermissionsBoundary": boundary} if boundary else {}),
        )["Role"]
        role = PhysicalResource(
            created["RoleName"], {"Arn": created["Arn"], "RoleId": created["RoleId"]}
        )
        try:
            self._put_policies(cloud, role, properties, {})
        except Exception:
            self.delete(cloud, role, properties)
            raise
        return role

    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        trust = {"Version": "2012-10-17", **new["AssumeRolePolicyDocument"]}
        cloud.client("iam").update_assume_role_policy(
            RoleName=resource.ref, PolicyDocument=json.dumps(trust)
        )
        self._put_boundary(cloud, resource, new, old)
        self._put_tags(cloud, resource, new)
        self._put_policies(cloud, resource, new, old)
        return resource

    @staticmethod
    def _put_boundary(
        cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> None:
        iam = cloud.client("iam")
        if boundary := new.get("PermissionsBoundary"):
            _check_boundary(cloud, boundary)
            iam.put_role_permissions_boundary(RoleName=resource.ref, PermissionsBoundary=boundary)
        elif "PermissionsBoundary" in old:
            iam.delete_role_permissions_boundary(RoleName=resource.ref)

    @staticmethod
    def _put_tags(cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        iam = cloud.client("iam")
        tags = properties.get("Tags", [])
        found = {tag["Key"] for tag in iam.list_role_tags(RoleName=resource.ref)["Tags"]}
        if gone := sorted(found - {tag["Key"] for tag in tags}):
            iam.untag_role(RoleName=resource.ref, TagKeys=gone)
        if tags:
            iam.tag_role(RoleName=resource.ref, Tags=tags)

    @staticmethod
    def _put_policies(
        cloud: Cloud, resource: PhysicalResource, properties: Properties, before: Properties
    ) -> None:
        iam = cloud.client("iam")
        wanted = {p["PolicyName"]: p["PolicyDocument"] for p in properties.get("Policies", [])}
        for name in {p["PolicyName"] for p in before.get("Policies", [])} - wanted.keys():
            iam.delete_role_policy(RoleName=resource.ref, PolicyName=name)
        for name, document in wanted.items():
            iam.put_role_policy(
                RoleName=resource.ref, PolicyName=name, PolicyDocument=json.dumps(document)
            )
        arns = properties.get("ManagedPolicyArns", [])
        for arn in set(before.get("ManagedPolicyArns", [])) - set(arns):
            iam.detach_role_policy(RoleName=resource.ref, PolicyArn=arn)
        for arn in arns:
            _load_managed_policy(cloud, arn)
            iam.attach_role_policy(RoleName=resource.ref, PolicyArn=arn)

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del properties
        iam = cloud.client("iam")
        for policy in iam.list_role_policies(RoleName=resource.ref)["PolicyNames"]:
            iam.delete_role_policy(RoleName=resource.ref, PolicyName=policy)
        for policy in iam.list_attached_role_policies(RoleName=resource.ref)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=resource.ref, PolicyArn=policy["PolicyArn"])
        iam.delete_role(RoleName=resource.ref)


def _check_boundary(cloud: Cloud, arn: str) -> None:
    """Check that the policy of a permissions boundary exists.

    Raises:
        ValueError: the policy does not exist.
    """
    _load_managed_policy(cloud, arn)
    if arn not in iam_backends[cloud.account]["aws"].managed_policies:
        raise ValueError(f"Scope ARN: {arn} does not exist or is not attachable.")


def _load_managed_policy(cloud: Cloud, arn: str) -> None:
    """Load an AWS managed policy into moto, which contains the documents but does not load them.

    Does nothing for any other policy.

    Raises:
        ValueError: moto contains no AWS managed policy of that name and path.
    """
    known = iam_backends[cloud.account]["aws"].managed_policies
    if arn not in known and ":iam::aws:policy/" in arn:
        path, _, name = arn.partition(":policy")[2].rpartition("/")
        data = _managed_policies()
        if data.get(name, {}).get("Path", "/") != f"{path}/" or name not in data:
            raise ValueError(f"Policy {arn} does not exist or is not attachable.")
        known[arn] = AWSManagedPolicy.from_data(name, cloud.account, cloud.region, data[name])


@cache
def _managed_policies() -> dict[str, Any]:
    documents: dict[str, Any] = json.loads(aws_managed_policies_data)
    return documents


@resource_type("AWS::IAM::Policy", "PolicyDocument", replaced_by=("PolicyName", "Roles"))
class PolicyType(PutResourceType):
    """`AWS::IAM::Policy`: an inline policy of the roles in `Roles`."""

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        for role_name in properties["Roles"]:
            cloud.client("iam").put_role_policy(
                RoleName=role_name,
                PolicyName=properties["PolicyName"],
                PolicyDocument=json.dumps(properties["PolicyDocument"]),
            )
        return PhysicalResource(name)

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del resource
        for role_name in properties["Roles"]:
            cloud.client("iam").delete_role_policy(
                RoleName=role_name, PolicyName=properties["PolicyName"]
            )


@resource_type(
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
class FunctionType(ResourceType):
    """`AWS::Lambda::Function`. New code, handler, environment, memory or role starts new processes."""

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        name = properties.get("FunctionName", name)
        created = cloud.client("lambda").create_function(
            FunctionName=name,
            Code=_code(properties),
            Architectures=properties.get("Architectures", ["x86_64"]),
            **_configuration(properties),
        )
        return PhysicalResource(name, {"Arn": created["FunctionArn"]})

    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        del old
        functions = cloud.client("lambda")
        functions.update_function_code(
            FunctionName=resource.ref,
            Architectures=new.get("Architectures", ["x86_64"]),
            **_code(new),
        )
        functions.update_function_configuration(FunctionName=resource.ref, **_configuration(new))
        return resource

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del properties
        cloud.client("lambda").delete_function(FunctionName=resource.ref)


def _code(properties: Properties) -> dict[str, Any]:
    """Return `Code` as Lambda's API takes it; inline code in `ZipFile` becomes the file `index.py`.

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


@resource_type(
    "AWS::Lambda::Permission",
    replaced_by=("Action", "FunctionName", "Principal", "SourceAccount", "SourceArn"),
)
class PermissionType(PutResourceType):
    """`AWS::Lambda::Permission`: a statement of a function's resource policy."""

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        optional = ("SourceAccount", "SourceArn")
        cloud.client("lambda").add_permission(
            StatementId=name,
            FunctionName=properties["FunctionName"],
            Action=properties["Action"],
            Principal=properties["Principal"],
            **{key: properties[key] for key in optional if key in properties},
        )
        return PhysicalResource(name)

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        cloud.client("lambda").remove_permission(
            FunctionName=properties["FunctionName"], StatementId=resource.ref
        )


@resource_type(
    "AWS::Events::Rule",
    "Description",
    "ScheduleExpression",
    "State",
    "Targets",
    replaced_by=("Name",),
)
class RuleType(ResourceType):
    """`AWS::Events::Rule` with a `ScheduleExpression`; event patterns are not supported."""

    def exists(self, cloud: Cloud, properties: Properties) -> bool:
        found = cloud.client("events").list_rules()["Rules"]
        return properties.get("Name") in {each["Name"] for each in found}

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        return self._put(cloud, properties.get("Name", name), properties)

    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        gone = _target_ids(old) - _target_ids(new)
        if gone:
            cloud.client("events").remove_targets(Rule=resource.ref, Ids=sorted(gone))
        return self._put(cloud, resource.ref, new)

    @staticmethod
    def _put(cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        events = cloud.client("events")
        arn = events.put_rule(
            Name=name,
            Description=properties.get("Description", ""),
            ScheduleExpression=properties["ScheduleExpression"],
            State=properties.get("State", "ENABLED"),
        )["RuleArn"]
        events.put_targets(Rule=name, Targets=properties["Targets"])
        return PhysicalResource(name, {"Arn": arn})

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        events = cloud.client("events")
        events.remove_targets(Rule=resource.ref, Ids=sorted(_target_ids(properties)))
        events.delete_rule(Name=resource.ref)


def _target_ids(properties: Properties) -> set[str]:
    return {target["Id"] for target in properties.get("Targets", [])}
