"""Resolves what a template can refer to: parameters, pseudo parameters, resources, and exports."""

import re
from collections.abc import Iterable, Mapping
from math import inf
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
    """Return the current values of parameters, pseudo parameters, resources and exports.

    Args:
        cloud: the cloud, for the pseudo parameters (such as `AWS::Region`) and Parameter Store.
        stack: the stack whose resources the template refers to.
        template: the template, which declares the parameters and their defaults.
        given: the parameter values; a parameter of the type `AWS::SSM::Parameter::Value<…>` has the
            name of a parameter in Parameter Store as its value.
        stacks: all stacks of the cloud, for the exports.

    Returns:
        The scope in which the template is resolved. Parameters of the types
        `CommaDelimitedList` and `List<…>` are lists, all others text.

    Raises:
        StackError: a parameter has neither a value nor a default, does not exist in Parameter Store, or
            has a value that the template does not allow; or the template does not declare it.
    """
    if unknown := sorted(given.keys() - template.parameters.keys()):
        raise StackError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
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
        _check(name, body, text)
        parameters[name] = _value(cloud, body["Type"], text)
    resources = {id_: resource.physical for id_, resource in stack.resources.items()}
    exports = {
        export: value
        for other in stacks
        for _, value, export in other.outputs
        if export is not None
    }
    return TemplateScope(parameters, resources, exports)


def _check(name: str, body: Mapping[str, Any], text: str) -> None:
    """Check a parameter's value against the constraints of its declaration.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    is_list = body["Type"] == "CommaDelimitedList" or body["Type"].startswith("List<")
    for value in [part.strip() for part in text.split(",")] if is_list else [text]:
        if "AllowedValues" in body and value not in map(str, body["AllowedValues"]):
            allowed = ", ".join(map(str, body["AllowedValues"]))
            raise _refused(name, body, f"must be one of the allowed values: [{allowed}]")
        if "AllowedPattern" in body and not re.fullmatch(body["AllowedPattern"], value):
            raise _refused(name, body, f"must match pattern {body['AllowedPattern']}")
        if "Number" in body["Type"]:
            _check_number(name, body, value)
        if not int(body.get("MinLength", 0)) <= len(value) <= float(body.get("MaxLength", inf)):
            limits = f"{body.get('MinLength', 0)} to {body.get('MaxLength', 'any number of')}"
            raise _refused(name, body, f"must have a length of {limits}")


def _check_number(name: str, body: Mapping[str, Any], value: str) -> None:
    try:
        number = float(value)
    except ValueError as error:
        raise _refused(name, body, "must be a number") from error
    if not float(body.get("MinValue", -inf)) <= number <= float(body.get("MaxValue", inf)):
        limits = f"{body.get('MinValue', 'any')} to {body.get('MaxValue', 'any')}"
        raise _refused(name, body, f"must be a number of {limits}")


def _refused(name: str, body: Mapping[str, Any], reason: str) -> StackError:
    reason = body.get("ConstraintDescription", reason)
    return StackError(f"Parameter '{name}' {reason}")


def _value(cloud: Cloud, type_: str, text: str) -> Any:
    """Convert a parameter's text to its type: look it up in Parameter Store, or split a list at commas."""
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
