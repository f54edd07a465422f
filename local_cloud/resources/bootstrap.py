"""The resource types of the CDK: S3 buckets, ECR repositories, SSM parameters, CDK metadata."""

import json
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from local_cloud._protocol import Cloud
from local_cloud.resources.registry import (
    PhysicalResource,
    Properties,
    PutResourceType,
    ResourceType,
    resource_type,
)

__all__ = ["create_bucket"]


def create_bucket(cloud: Cloud, name: str) -> None:
    """Create a bucket in the cloud's Region, in us-east-1 without the location constraint S3 rejects."""
    where = {"CreateBucketConfiguration": {"LocationConstraint": cloud.region}}
    cloud.client("s3").create_bucket(Bucket=name, **({} if cloud.region == "us-east-1" else where))


class _BucketSetting(NamedTuple):
    """A property of a bucket that is put by an operation of its own, and deleted by another."""

    operation: str
    argument: str
    delete: str
    given: Callable[[Any], Any]


def _encryption(given: Any) -> dict[str, Any]:
    rules = [
        {
            {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}.get(k, k): v
            for k, v in rule.items()
        }
        for rule in given["ServerSideEncryptionConfiguration"]
    ]
    return {"Rules": rules}


def _life_cycle(given: Any) -> dict[str, Any]:
    """Return `LifecycleConfiguration` as S3's API takes it.

    Raises:
        ValueError: a rule has a member that is not supported.
    """
    rules = []
    for number, rule in enumerate(given["Rules"]):
        if unknown := sorted(rule.keys() - _LIFE_CYCLE):
            raise ValueError(
                f"the embedded cloud does not support {', '.join(unknown)} in a life cycle rule;"
                f" use {', '.join(sorted(_LIFE_CYCLE))}"
            )
        found: dict[str, Any] = {
            "ID": rule.get("Id", f"rule-{number}"),
            "Status": rule["Status"],
            "Filter": {"Prefix": rule.get("Prefix", "")},
        }
        if "ExpirationInDays" in rule:
            found["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
        if "NoncurrentVersionExpiration" in rule:
            days = int(rule["NoncurrentVersionExpiration"]["NoncurrentDays"])
            found["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
        if "AbortIncompleteMultipartUpload" in rule:
            days = int(rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"])
            found["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
        rules.append(found)
    return {"Rules": rules}


_LIFE_CYCLE: Final = {
    "AbortIncompleteMultipartUpload", "ExpirationInDays", "Id", "NoncurrentVersionExpiration",
    "Prefix", "Status",
}  # fmt: skip
_BUCKET_SETTINGS: Final = {
    "BucketEncryption": _BucketSetting(
        "bucket_encryption", "ServerSideEncryptionConfiguration", "delete_bucket_encryption",
        _encryption,
    ),
    "LifecycleConfiguration": _BucketSetting(
        "bucket_lifecycle_configuration", "LifecycleConfiguration", "delete_bucket_lifecycle",
        _life_cycle,
    ),
    "PublicAccessBlockConfiguration": _BucketSetting(
        "public_access_block", "PublicAccessBlockConfiguration", "delete_public_access_block", dict,
    ),
}  # fmt: skip
_CANNED: Final = re.compile(r"(?<!^)([A-Z])")


@resource_type(
    "AWS::S3::Bucket",
    "AccessControl",
    "BucketEncryption",
    "LifecycleConfiguration",
    "PublicAccessBlockConfiguration",
    "VersioningConfiguration",
    replaced_by=("BucketName",),
)
class BucketType(ResourceType):
    """`AWS::S3::Bucket`. Its encryption, life cycle and access control are kept, and have no effect."""

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        name = properties.get("BucketName", name.lower()[:63])
        create_bucket(cloud, name)
        attributes = {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{cloud.region}.amazonaws.com",
        }
        resource = PhysicalResource(name, attributes)
        return self.update(cloud, resource, properties, {})

    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        s3, bucket = cloud.client("s3"), resource.ref
        # A bucket whose versioning was enabled can only suspend it.
        default = {"Status": "Suspended"} if "VersioningConfiguration" in old else None
        if versioning := new.get("VersioningConfiguration", default):
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versioning)
        for name, kept in _BUCKET_SETTINGS.items():
            if name in new:
                put, argument = getattr(s3, f"put_{kept.operation}"), kept.given(new[name])
                put(Bucket=bucket, **{kept.argument: argument})
            elif name in old:
                getattr(s3, kept.delete)(Bucket=bucket)
        canned = _CANNED.sub(r"-\1", new.get("AccessControl", "Private")).lower()
        s3.put_bucket_acl(Bucket=bucket, ACL=canned)
        return resource

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del properties
        cloud.client("s3").delete_bucket(Bucket=resource.ref)


@resource_type("AWS::S3::BucketPolicy", "PolicyDocument", replaced_by=("Bucket",))
class BucketPolicyType(PutResourceType):
    """`AWS::S3::BucketPolicy`."""

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        del name
        cloud.client("s3").put_bucket_policy(
            Bucket=properties["Bucket"], Policy=json.dumps(properties["PolicyDocument"])
        )
        return PhysicalResource(properties["Bucket"])

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del properties
        cloud.client("s3").delete_bucket_policy(Bucket=resource.ref)


@resource_type(
    "AWS::ECR::Repository",
    "ImageTagMutability",
    "LifecyclePolicy",
    "RepositoryPolicyText",
    replaced_by=("RepositoryName",),
)
class RepositoryType(ResourceType):
    """`AWS::ECR::Repository`. Its policies are kept, and have no effect."""

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        name = properties.get("RepositoryName", name.lower())
        created = cloud.client("ecr").create_repository(
            repositoryName=name,
            imageTagMutability=properties.get("ImageTagMutability", "MUTABLE"),
        )["repository"]
        resource = PhysicalResource(
            name, {"Arn": created["repositoryArn"], "RepositoryUri": created["repositoryUri"]}
        )
        return self.update(cloud, resource, properties, {})

    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        ecr, name = cloud.client("ecr"), resource.ref
        ecr.put_image_tag_mutability(
            repositoryName=name, imageTagMutability=new.get("ImageTagMutability", "MUTABLE")
        )
        if "RepositoryPolicyText" in new:
            text = json.dumps(new["RepositoryPolicyText"])
            ecr.set_repository_policy(repositoryName=name, policyText=text)
        elif "RepositoryPolicyText" in old:
            ecr.delete_repository_policy(repositoryName=name)
        if "LifecyclePolicy" in new:
            text = new["LifecyclePolicy"]["LifecyclePolicyText"]
            ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)
        elif "LifecyclePolicy" in old:
            ecr.delete_lifecycle_policy(repositoryName=name)
        return resource

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del properties
        cloud.client("ecr").delete_repository(repositoryName=resource.ref, force=True)


@resource_type("AWS::SSM::Parameter", "Type", "Value", replaced_by=("Name",))
class ParameterType(PutResourceType):
    """`AWS::SSM::Parameter`, in Parameter Store."""

    def exists(self, cloud: Cloud, properties: Properties) -> bool:
        name = properties.get("Name")
        return bool(name and cloud.client("ssm").get_parameters(Names=[name])["Parameters"])

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        name = properties.get("Name", name)
        type_, value = properties["Type"], properties["Value"]
        cloud.client("ssm").put_parameter(Name=name, Type=type_, Value=value, Overwrite=True)
        return PhysicalResource(name, {"Type": type_, "Value": value})

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del properties
        cloud.client("ssm").delete_parameter(Name=resource.ref)


@resource_type("AWS::CDK::Metadata", "Analytics")
class MetadataType(PutResourceType):
    """`AWS::CDK::Metadata`, the CDK's usage report to AWS; it has no effect."""

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        del cloud, properties
        return PhysicalResource(name)

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        """Do nothing: nothing was created."""
