"""The values of a template's references: parameters, resources, exports of other stacks."""

from collections.abc import Iterable, Mapping
from typing import Any

from local_cloud._protocol import Cloud
from local_cloud.cloudformation.stacks import Stack
from local_cloud.cloudformation.template import Template, TemplateScope
from local_cloud.errors import StackError

__all__ = ["scope_of"]


def scope_of(
    cloud: Cloud,
    stack: Stack,
    template: Template,
    given: Mapping[str, str],
    stacks: Iterable[Stack],
) -> TemplateScope:
    """Return the current values of a template's references.

    Args:
        cloud: supplies AWS's own parameters, and those kept in SSM.
        stack: the stack, whose resources can be referenced.
        template: declares the parameters.
        given: the parameters' values, before SSM names are resolved.
        stacks: all stacks; their exports can be imported.

    Raises:
        StackError: a parameter has no value.
    """
    parameters: dict[str, Any] = {
        "AWS::AccountId": cloud.account,
        "AWS::NotificationARNs": [],
        "AWS::Partition": "aws",
        "AWS::Region": cloud.region,
        "AWS::StackId": stack.id,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": "amazonaws.com",
    }
    for name, body in template.parameters.items():
        if name not in given and "Default" not in body:
            raise StackError(f"Parameters: [{name}] must have values")
        text = str(given.get(name, body.get("Default")))
        parameters[name] = _value(cloud, body["Type"], text)
    resources = {id_: resource.physical for id_, resource in stack.resources.items()}
    exports = {
        export: value
        for other in stacks
        for _, value, export in other.outputs
        if export is not None
    }
    return TemplateScope(parameters, resources, exports)


def _value(cloud: Cloud, type_: str, text: str) -> Any:
    """Return the value of a parameter of a type, from its text."""
    if type_.startswith("AWS::SSM::Parameter::Value"):
        ssm = cloud.client("ssm")
        try:
            return ssm.get_parameter(Name=text)["Parameter"]["Value"]
        except ssm.exceptions.ParameterNotFound as error:
            raise StackError(
                f"Unable to fetch parameters [{text}] from parameter store for this account."
            ) from error
    if type_ == "CommaDelimitedList" or type_.startswith("List<"):
        return [part.strip() for part in text.split(",")] if text else []
    return text
