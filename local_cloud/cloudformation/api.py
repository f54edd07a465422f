"""The operations of CloudFormation's API, which replace moto's; responses have AWS's shape.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, EmptyResult

from local_cloud._protocol import Cloud
from local_cloud.cloudformation.engine import Engine
from local_cloud.cloudformation.stacks import Change, Stack
from local_cloud.cloudformation.template import Template
from local_cloud.errors import StackError, TemplateError
from local_cloud.resources import type_named

__all__ = ["operations"]

_Given = Mapping[str, Any]
_Answer = dict[str, Any] | None


class CloudFormationError(ServiceException):
    """The error response to a rejected call, with AWS's error code and message."""


@dataclass(slots=True)
class _ChangeSet:
    name: str
    id: str
    template: Template
    parameters: dict[str, str]
    tags: dict[str, str]
    changes: list[Change]
    created: datetime
    type: str
    description: str | None = None
    role_arn: str | None = None


def operations(cloud: Cloud, engine: Engine) -> dict[str, Callable[[Any], ActionResult]]:
    """Return the methods that replace those of moto's `CloudFormationResponse`, by their names.

    For a `StackError` or `TemplateError` they raise a `CloudFormationError` with the code
    `ValidationError`, which moto returns as the error response.
    """
    api = _Api(cloud, engine)

    def method(operation: Callable[[_Given], _Answer]) -> Callable[[Any], ActionResult]:
        def answer(response: Any) -> ActionResult:
            try:
                result = operation(response._get_params())  # noqa: SLF001 - moto's own way
            except (StackError, TemplateError) as error:
                raise CloudFormationError("ValidationError", str(error)) from error
            return EmptyResult() if result is None else ActionResult(result)

        return answer

    names = [name for name in vars(_Api) if not name.startswith("_")]
    return {name: method(getattr(api, name)) for name in names}


class _Api:
    """Each public method is an API operation: it takes the call's parameters, and returns the result."""

    def __init__(self, cloud: Cloud, engine: Engine) -> None:
        self._cloud = cloud
        self._engine = engine

    def create_stack(self, given: _Given) -> _Answer:
        template, parameters = self._template(given), _parameters(given, {})
        _check_capabilities(given, template)
        stack = self._engine.new(given["StackName"])
        stack.tags = _tags(given)
        stack.protected = _true(given, "EnableTerminationProtection")
        stack.role_arn = given.get("RoleARN")
        try:
            self._engine.apply(stack, template, parameters)
        except (StackError, TemplateError):
            del self._engine.stacks[stack.name]
            raise
        return {"StackId": stack.id}

    def update_stack(self, given: _Given) -> _Answer:
        stack = self._engine.updatable(given["StackName"])
        template = self._template(given, stack)
        _check_capabilities(given, template)
        parameters = _parameters(given, stack.parameters)
        if not self._engine.changes(stack, template, parameters):
            raise StackError("No updates are to be performed.")
        if "Tags" in given:
            stack.tags = _tags(given)
        stack.role_arn = given.get("RoleARN", stack.role_arn)
        self._engine.apply(stack, template, parameters)
        return {"StackId": stack.id}

    def delete_stack(self, given: _Given) -> _Answer:
        for stack in list(self._engine.stacks.values()):
            if given["StackName"] in (
                stack.name,
                stack.id,
            ):  # deleting a stack that does not exist is not an error
                self._engine.delete(stack)
        return None

    def describe_stacks(self, given: _Given) -> _Answer:
        name = given.get("StackName")
        found = [self._engine.stack(name)] if name else list(self._engine.stacks.values())
        return {"Stacks": [_described(stack) for stack in found]}

    def list_stacks(self, given: _Given) -> _Answer:
        wanted = given.get("StackStatusFilter")
        every = [*self._engine.stacks.values(), *self._engine.deleted.values()]
        found = [stack for stack in every if not wanted or stack.status in wanted]
        return {"StackSummaries": [_described(stack) for stack in found]}

    def get_template(self, given: _Given) -> _Answer:
        if "ChangeSetName" in given:
            template: Template | None = self._change_set(given)[1].template
        else:
            stack = self._engine.stack(given["StackName"])
            template = stack.template or stack.submitted
        text = template.text if template else "{}"
        return {"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]}

    def get_template_summary(self, given: _Given) -> _Answer:
        named = given.get("StackName")
        template = self._template(given, self._engine.stack(named) if named else None)
        return {
            "Parameters": [
                {
                    "ParameterKey": name,
                    "ParameterType": body["Type"],
                    "DefaultValue": body.get("Default"),
                }
                for name, body in template.parameters.items()
            ],
            "ResourceTypes": sorted({body["Type"] for body in template.resources.values()}),
            "ResourceIdentifierSummaries": [
                {
                    "ResourceType": body["Type"],
                    "LogicalResourceIds": [id_],
                    "ResourceIdentifiers": [known.identifier],
                }
                for id_, body in template.resources.items()
                if (known := type_named(body["Type"])) is not None and known.identifier
            ],
        }

    def describe_stack_events(self, given: _Given) -> _Answer:
        stack = self._engine.stack(given["StackName"])
        return {
            "StackEvents": [
                {
                    "StackId": stack.id,
                    "StackName": stack.name,
                    "EventId": event.id,
                    "LogicalResourceId": event.logical_id,
                    "PhysicalResourceId": event.physical_id,
                    "ResourceType": event.type,
                    "ResourceStatus": event.status,
                    "ResourceStatusReason": event.reason or None,
                    "Timestamp": event.at,
                }
                for event in reversed(stack.events)
            ]
        }

    def list_stack_resources(self, given: _Given) -> _Answer:
        return {"StackResourceSummaries": self._resources(given)}

    def describe_stack_resources(self, given: _Given) -> _Answer:
        return {"StackResources": self._resources(given)}

    def describe_stack_resource(self, given: _Given) -> _Answer:
        wanted = given["LogicalResourceId"]
        for resource in self._resources(given):
            if resource["LogicalResourceId"] == wanted:
                return {"StackResourceDetail": resource}
        raise StackError(f"Resource {wanted} does not exist for stack {given['StackName']}")

    def list_exports(self, _given: _Given) -> _Answer:
        return {
            "Exports": [
                {"ExportingStackId": stack.id, "Name": export, "Value": value}
                for stack in self._engine.stacks.values()
                for _, value, export in stack.outputs
                if export is not None
            ]
        }

    def list_imports(self, given: _Given) -> _Answer:
        name = given["ExportName"]
        if not (found := self._engine.importing_stacks(name)):
            raise StackError(f"Export '{name}' is not imported by any stack.")
        return {"Imports": found}

    def update_termination_protection(self, given: _Given) -> _Answer:
        stack = self._engine.stack(given["StackName"])
        stack.protected = _true(given, "EnableTerminationProtection")
        return {"StackId": stack.id}

    def create_change_set(self, given: _Given) -> _Answer:
        type_ = given.get("ChangeSetType", "UPDATE")
        if type_ == "CREATE" or (type_ == "IMPORT" and not self._exists(given["StackName"])):
            stack = self._engine.new(given["StackName"])
            if not stack.events:
                stack.tags = _tags(given)
        else:
            stack = self._engine.updatable(given["StackName"])
        template = self._template(given, stack)
        _check_capabilities(given, template)
        parameters = _parameters(given, stack.parameters)
        name = given["ChangeSetName"]
        id_ = self._cloud.arn("cloudformation", f"changeSet/{name}/{uuid4()}")
        if type_ == "IMPORT":
            for each in given["ResourcesToImport"]:
                body = template.resources.get(each["LogicalResourceId"], {})
                if each["ResourceType"] != body.get("Type"):
                    raise StackError(
                        f"ResourcesToImport: {each['LogicalResourceId']} is not of the type"
                        f" {each['ResourceType']} in the template"
                    )
            wanted = {
                each["LogicalResourceId"]: next(iter(each["ResourceIdentifier"].values()))
                for each in given["ResourcesToImport"]
            }
            changes = self._engine.importing(stack, template, parameters, wanted)
        else:
            changes = self._engine.changes(stack, template, parameters)
        stack.change_sets[name] = _ChangeSet(
            name, id_, template, parameters, _tags(given), changes,
            datetime.fromtimestamp(self._cloud.clock.now()).astimezone(), type_,
            given.get("Description"), given.get("RoleARN"),
        )  # fmt: skip
        return {"Id": id_, "StackId": stack.id}

    def describe_change_set(self, given: _Given) -> _Answer:
        stack, found = self._change_set(given)
        empty = not found.changes
        return {
            "ChangeSetName": found.name,
            "ChangeSetId": found.id,
            "StackId": stack.id,
            "StackName": stack.name,
            "CreationTime": found.created,
            "Description": found.description,
            "Status": "FAILED" if empty else "CREATE_COMPLETE",
            "StatusReason": "The submitted information didn't contain changes." if empty else None,
            "ExecutionStatus": "UNAVAILABLE" if empty else "AVAILABLE",
            "Parameters": [
                {"ParameterKey": k, "ParameterValue": v} for k, v in found.parameters.items()
            ],
            "Changes": [
                {
                    "Type": "Resource",
                    "ResourceChange": {
                        "Action": change.action,
                        "LogicalResourceId": change.id,
                        "PhysicalResourceId": change.physical_id or None,
                        "ResourceType": change.type,
                        "Replacement": str(change.replaces) if change.action == "Modify" else None,
                        "Scope": ["Properties"] if change.action == "Modify" else [],
                        "Details": [],
                    },
                }
                for change in found.changes
            ],
        }

    def execute_change_set(self, given: _Given) -> _Answer:
        stack, found = self._change_set(given)
        del stack.change_sets[found.name]  # as on AWS, an executed one no longer exists
        stack.tags = found.tags
        stack.role_arn = found.role_arn or stack.role_arn
        if found.type == "IMPORT":
            self._engine.import_(stack, found.template, found.parameters, found.changes)
        else:
            self._engine.apply(stack, found.template, found.parameters)
        return {}

    def delete_change_set(self, given: _Given) -> _Answer:
        try:
            stack, found = self._change_set(given)
        except CloudFormationError:
            return {}  # deleting one that does not exist is not an error
        del stack.change_sets[found.name]
        return {}

    def list_change_sets(self, given: _Given) -> _Answer:
        stack = self._engine.stack(given["StackName"])
        return {
            "Summaries": [
                {"ChangeSetName": each.name, "ChangeSetId": each.id, "StackName": stack.name}
                for each in stack.change_sets.values()
            ]
        }

    def _exists(self, name: str) -> bool:
        known = self._engine.stacks.get(name)
        return known is not None and known.template is not None

    def _change_set(self, given: _Given) -> tuple[Stack, _ChangeSet]:
        wanted = given["ChangeSetName"]
        named = given.get("StackName")
        stacks = [self._engine.stack(named)] if named else list(self._engine.stacks.values())
        for stack in stacks:
            for each in stack.change_sets.values():
                if wanted in (each.name, each.id):
                    return stack, each
        raise CloudFormationError("ChangeSetNotFound", f"ChangeSet [{wanted}] does not exist")

    def _resources(self, given: _Given) -> list[dict[str, Any]]:
        stack = self._engine.stack(given["StackName"])
        return [
            {
                "StackId": stack.id,
                "StackName": stack.name,
                "LogicalResourceId": resource.id,
                "PhysicalResourceId": resource.physical.ref,
                "ResourceType": resource.type,
                "ResourceStatus": "CREATE_COMPLETE",
                "Timestamp": resource.changed,
                "LastUpdatedTimestamp": resource.changed,
            }
            for resource in stack.resources.values()
        ]

    def _template(self, given: _Given, stack: Stack | None = None) -> Template:
        if body := given.get("TemplateBody"):
            return Template(body)
        if url := given.get("TemplateURL"):
            bucket, _, key = unquote(urlsplit(url).path).lstrip("/").partition("/")
            found = self._cloud.client("s3").get_object(Bucket=bucket, Key=key)
            return Template(found["Body"].read().decode())
        if stack is not None and stack.template is not None:
            return stack.template
        raise StackError("Either Template URL or Template Body must be specified.")


def _described(stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason or None,
        "CreationTime": stack.created,
        "LastUpdatedTime": stack.updated,
        "EnableTerminationProtection": stack.protected,
        "RoleARN": stack.role_arn,
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": _shown(stack, name, value)}
            for name, value in stack.parameters.items()
        ],
        "Tags": [{"Key": name, "Value": value} for name, value in stack.tags.items()],
        "Outputs": [
            {"OutputKey": name, "OutputValue": value, "ExportName": export}
            for name, value, export in stack.outputs
        ],
        "Capabilities": [],
        "NotificationARNs": [],
    }


def _true(given: _Given, name: str) -> bool:
    return str(given.get(name, False)).lower() == "true"


def _check_capabilities(given: _Given, template: Template) -> None:
    """Check that a call acknowledges the IAM resources of its template, and their names.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
    """
    known = set(given.get("Capabilities") or [])
    iam = [body for body in template.resources.values() if body["Type"].startswith("AWS::IAM::")]
    named = any(_IAM_NAMES & body.get("Properties", {}).keys() for body in iam)
    needed = "CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"
    if iam and not known & {needed, "CAPABILITY_NAMED_IAM"}:
        raise CloudFormationError(
            "InsufficientCapabilitiesException", f"Requires capabilities : [{needed}]"
        )


_IAM_NAMES = frozenset(
    {"GroupName", "InstanceProfileName", "ManagedPolicyName", "RoleName", "UserName"}
)


def _shown(stack: Stack, name: str, value: str) -> str:
    """Return a parameter's value as `DescribeStacks` shows it: asterisks if it has `NoEcho`."""
    declared = stack.template.parameters.get(name, {}) if stack.template else {}
    return "****" if str(declared.get("NoEcho", False)).lower() == "true" else value


def _parameters(given: _Given, before: Mapping[str, str]) -> dict[str, str]:
    """Return a call's parameter values; `UsePreviousValue` takes those of `before`."""
    found = {}
    for each in given.get("Parameters") or []:
        name = each["ParameterKey"]
        if str(each.get("UsePreviousValue", False)).lower() == "true":
            if name in before:
                found[name] = before[name]
        else:
            found[name] = str(each["ParameterValue"])
    return found


def _tags(given: _Given) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in given.get("Tags") or []}
