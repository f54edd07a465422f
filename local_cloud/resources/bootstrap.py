"""The resource types of the CDK: S3 buckets, ECR repositories, SSM parameters, CDK metadata."""

import json

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
    """`AWS::S3::Bucket`. Only `BucketName` and `VersioningConfiguration` have an effect."""

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
        del old
        if versioning := new.get("VersioningConfiguration"):
            cloud.client("s3").put_bucket_versioning(
                Bucket=resource.ref, VersioningConfiguration=versioning
            )
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
    """`AWS::ECR::Repository`. `LifecyclePolicy` and `RepositoryPolicyText` have no effect."""

    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        name = properties.get("RepositoryName", name.lower())
        created = cloud.client("ecr").create_repository(
            repositoryName=name,
            imageTagMutability=properties.get("ImageTagMutability", "MUTABLE"),
        )["repository"]
        return PhysicalResource(
            name, {"Arn": created["repositoryArn"], "RepositoryUri": created["repositoryUri"]}
        )

    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        del old
        cloud.client("ecr").put_image_tag_mutability(
            repositoryName=resource.ref,
            imageTagMutability=new.get("ImageTagMutability", "MUTABLE"),
        )
        return resource

    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        del properties
        cloud.client("ecr").delete_repository(repositoryName=resource.ref, force=True)


@resource_type("AWS::SSM::Parameter", "Type", "Value", replaced_by=("Name",))
class ParameterType(PutResourceType):
    """`AWS::SSM::Parameter`, in Parameter Store."""

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
