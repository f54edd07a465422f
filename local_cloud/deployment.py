"""From a cloud assembly (`cdk.out`) to a stack: assets are uploaded, the template is made as it is.

The files: https://github.com/aws/aws-cdk/tree/main/packages/%40aws-cdk/cloud-assembly-schema
"""

import io
import json
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from local_cloud.cloudformation.template import Template
from local_cloud.errors import DeployError, StackError, TemplateError

if TYPE_CHECKING:
    from local_cloud.cloud import LocalCloud
from local_cloud.assembly import stacks_of

__all__ = ["deploy"]

_BOOTSTRAP_VERSION = "30"


def deploy(cloud: "LocalCloud", assembly: Path) -> list[str]:
    """Deploy all stacks of an assembly; give their names.

    Raises:
        AssemblyError: the folder is not a cloud assembly.
        DeployError: a stack could not be made.
    """
    names = []
    for stack_id, name, text in stacks_of(assembly):
        _upload(cloud, assembly, stack_id)
        try:
            template = Template(text)
            _bootstrap(cloud, template)
            stack = cloud.stacks.stacks.get(name) or cloud.stacks.new(name)
            cloud.stacks.apply(stack, template, {})
        except (StackError, TemplateError) as error:
            raise DeployError(f"stack {name}: {error}") from error
        if stack.status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            failed = [e for e in stack.events if e.status.endswith("_FAILED")]
            raise DeployError(f"stack {name}: {failed[-1].logical}: {failed[-1].reason}")
        names.append(name)
    return names


def _upload(cloud: "LocalCloud", assembly: Path, stack_id: str) -> None:
    s3 = cloud.client("s3")
    assets = json.loads((assembly / f"{stack_id}.assets.json").read_text())["files"]
    for asset in assets.values():
        source = asset["source"]
        path = assembly / source["path"]
        body = _zipped(path) if source["packaging"] == "zip" else path.read_bytes()
        for destination in asset["destinations"].values():
            bucket = _filled(cloud, destination["bucketName"])
            with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
                cloud.create_bucket(bucket)
            s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=body)


def _zipped(folder: Path) -> bytes:
    """Pack an asset; the same files always give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder))), path.read_bytes())
    return buffer.getvalue()


def _filled(cloud: "LocalCloud", text: str) -> str:
    return text.replace("${AWS::AccountId}", cloud.account).replace("${AWS::Region}", cloud.region)


def _bootstrap(cloud: "LocalCloud", template: Template) -> None:
    """Leave what `cdk bootstrap` leaves: the parameter in which a template looks up its version."""
    for parameter in template.parameters.values():
        if parameter["Type"] == "AWS::SSM::Parameter::Value<String>":
            cloud.client("ssm").put_parameter(
                Name=parameter["Default"], Value=_BOOTSTRAP_VERSION, Type="String", Overwrite=True
            )
