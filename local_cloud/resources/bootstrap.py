"""What the CDK itself makes: `cdk bootstrap`'s bucket and repository of assets, and its metadata."""

import json

from local_cloud._protocol import Cloud
from local_cloud.resources.registry import Kind, Made, Properties, PutKind, resource

__all__ = ["create_bucket"]


def create_bucket(cloud: Cloud, name: str) -> None:
    """Make a bucket in the cloud's region; S3 refuses a location constraint for us-east-1."""
    where = {"CreateBucketConfiguration": {"LocationConstraint": cloud.region}}
    cloud.client("s3").create_bucket(Bucket=name, **({} if cloud.region == "us-east-1" else where))


@resource(
    "AWS::S3::Bucket",
    "AccessControl",
    "BucketEncryption",
    "LifecycleConfiguration",
    "PublicAccessBlockConfiguration",
    "VersioningConfiguration",
    replaced_by=("BucketName",),
)
class Bucket(Kind):
    """A bucket. Versioning is set; encryption, life cycle and access blocks change nothing here."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        name = properties.get("BucketName", name.lower()[:63])
        create_bucket(cloud, name)
        attributes = {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{cloud.region}.amazonaws.com",
        }
        made = Made(name, attributes)
        return self.update(cloud, made, properties, {})

    def update(self, cloud: Cloud, made: Made, new: Properties, old: Properties) -> Made:
        del old
        if versioning := new.get("VersioningConfiguration"):
            cloud.client("s3").put_bucket_versioning(
                Bucket=made.ref, VersioningConfiguration=versioning
            )
        return made

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del properties
        cloud.client("s3").delete_bucket(Bucket=made.ref)


@resource("AWS::S3::BucketPolicy", "PolicyDocument", replaced_by=("Bucket",))
class BucketPolicy(PutKind):
    """A bucket's policy."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        del name
        cloud.client("s3").put_bucket_policy(
            Bucket=properties["Bucket"], Policy=json.dumps(properties["PolicyDocument"])
        )
        return Made(properties["Bucket"])

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del properties
        cloud.client("s3").delete_bucket_policy(Bucket=made.ref)


@resource(
    "AWS::ECR::Repository",
    "ImageTagMutability",
    "LifecyclePolicy",
    "RepositoryPolicyText",
    replaced_by=("RepositoryName",),
)
class Repository(Kind):
    """A repository of images; none of ours is in it."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        name = properties.get("RepositoryName", name.lower())
        made = cloud.client("ecr").create_repository(
            repositoryName=name,
            imageTagMutability=properties.get("ImageTagMutability", "MUTABLE"),
        )["repository"]
        return Made(name, {"Arn": made["repositoryArn"], "RepositoryUri": made["repositoryUri"]})

    def update(self, cloud: Cloud, made: Made, new: Properties, old: Properties) -> Made:
        del old
        cloud.client("ecr").put_image_tag_mutability(
            repositoryName=made.ref,
            imageTagMutability=new.get("ImageTagMutability", "MUTABLE"),
        )
        return made

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del properties
        cloud.client("ecr").delete_repository(repositoryName=made.ref, force=True)


@resource("AWS::SSM::Parameter", "Type", "Value", replaced_by=("Name",))
class Parameter(PutKind):
    """A parameter."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        name = properties.get("Name", name)
        kind, value = properties["Type"], properties["Value"]
        cloud.client("ssm").put_parameter(Name=name, Type=kind, Value=value, Overwrite=True)
        return Made(name, {"Type": kind, "Value": value})

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        del properties
        cloud.client("ssm").delete_parameter(Name=made.ref)


@resource("AWS::CDK::Metadata", "Analytics")
class Metadata(PutKind):
    """What the CDK reports to AWS about an app, unless that is turned off; it has no effect."""

    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        del cloud, properties
        return Made(name)

    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        """Do nothing: nothing was made."""
