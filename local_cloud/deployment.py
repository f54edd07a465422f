"""Deploys a cloud assembly (`cdk.out`): uploads its file assets to S3, and applies its templates.

Format: https://github.com/aws/aws-cdk/tree/main/packages/%40aws-cdk/cloud-assembly-schema
"""

import io
import zipfile
from contextlib import suppress
from pathlib import Path

from local_cloud._protocol import Cloud
from local_cloud.assembly import assets_of, stacks_of
from local_cloud.cloudformation import Engine
from local_cloud.cloudformation.engine import ROLLED_BACK
from local_cloud.cloudformation.template import Template
from local_cloud.errors import DeployError, StackError, TemplateError
from local_cloud.resources.bootstrap import create_bucket

__all__ = ["deploy"]

_BOOTSTRAP_VERSION = "30"


def deploy(cloud: Cloud, engine: Engine, assembly: Path) -> list[str]:
    """Create or update all stacks of a cloud assembly, in the order of its manifest.

    Returns:
        The names of the stacks.

    Raises:
        AssemblyError: the folder is not a cloud assembly, or a file of it cannot be read.
        DeployError: a stack could not be created or updated; the stacks before it stay deployed.
    """
    names = []
    for stack_id, name, text in stacks_of(assembly):
        _upload(cloud, assembly, stack_id)
        try:
            template = Template(text)
            _bootstrap(cloud, template)
            known = engine.stacks.get(name)
            if known is not None and known.status == "ROLLBACK_COMPLETE":
                engine.delete(known)  # as the CDK CLI does: such a stack cannot be updated
            stack = engine.stacks.get(name) or engine.new(name)
            engine.apply(stack, template, {})
        except (StackError, TemplateError) as error:
            raise DeployError(f"stack {name}: {error}") from error
        if stack.status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            # Not the latest *_FAILED event: a failed output has none, and a rollback can add one.
            begun = [e for e in stack.events if e.status.endswith("ROLLBACK_IN_PROGRESS")]
            raise DeployError(f"stack {name}: {begun[-1].reason.removesuffix(ROLLED_BACK)}")
        names.append(name)
    return names


def _upload(cloud: Cloud, assembly: Path, stack_id: str) -> None:
    s3 = cloud.client("s3")
    for asset in assets_of(assembly, stack_id).values():
        source = asset["source"]
        path = assembly / source["path"]
        body = _zipped(path) if source["packaging"] == "zip" else path.read_bytes()
        for destination in asset["destinations"].values():
            bucket = _filled(cloud, destination["bucketName"])
            with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
                create_bucket(cloud, bucket)
            s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=body)


def _zipped(folder: Path) -> bytes:
    """Return a folder as an uncompressed ZIP file; the same files always give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder))), path.read_bytes())
    return buffer.getvalue()


def _filled(cloud: Cloud, text: str) -> str:
    return text.replace("${AWS::AccountId}", cloud.account).replace("${AWS::Region}", cloud.region)


def _bootstrap(cloud: Cloud, template: Template) -> None:
    """Create the SSM parameter with the bootstrap version, if the template refers to it."""
    ssm = cloud.client("ssm")
    parameter = template.parameters.get("BootstrapVersion", {})
    if parameter.get("Type") == "AWS::SSM::Parameter::Value<String>":
        with suppress(ssm.exceptions.ParameterAlreadyExists):
            ssm.put_parameter(Name=parameter["Default"], Value=_BOOTSTRAP_VERSION, Type="String")
