"""The data of stacks: resources, events, and the changes of a change set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local_cloud.cloudformation.template import Template
from local_cloud.resources import PhysicalResource, ResourceType, type_named

__all__ = ["Change", "Stack", "StackEvent", "StackResource", "differing", "known_type"]


@dataclass(slots=True)
class StackResource:
    """A resource of a stack: its logical id, type, physical resource, and resolved properties.

    Attributes:
        body: the resource's part of the template, with functions unresolved.
        changed: the time of the last creation, update or import.
    """

    id: str
    type: str
    physical: PhysicalResource
    properties: dict[str, Any]
    body: dict[str, Any]
    changed: datetime

    @property
    def resource_type(self) -> ResourceType:
        """The implementation of the resource's type."""
        return known_type(self.type)

    def must_be_replaced(self, type_: str, properties: Mapping[str, Any]) -> bool:
        """Return whether a new type or new properties require a replacement."""
        changed = differing(self.properties, properties)
        return type_ != self.type or bool(changed & self.resource_type.replaced_by)


@dataclass(frozen=True, slots=True)
class StackEvent:
    """An event of a stack, as `DescribeStackEvents` returns it: a new status of a resource or the stack."""

    id: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """The change of a resource in a change set: `Add`, `Modify`, `Remove` or `Import`.

    Attributes:
        id: the logical id.
        physical_id: the physical id; empty for `Add`.
        replaces: whether a `Modify` replaces the resource.
    """

    action: str
    id: str
    type: str
    physical_id: str = ""
    replaces: bool = False


@dataclass(slots=True)
class Stack:
    """A stack: its status, template, parameters, resources, outputs, events and change sets.

    `outputs` are tuples of name, value and export name or None; `protected` is termination protection.
    """

    name: str
    id: str
    created: datetime
    status: str = "REVIEW_IN_PROGRESS"
    reason: str = ""
    updated: datetime | None = None
    template: Template | None = None
    submitted: Template | None = None
    """The template that the stack was to be created from; it is returned while the creation has failed."""
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    resources: dict[str, StackResource] = field(default_factory=dict)
    outputs: list[tuple[str, str, str | None]] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    """The names of the exports that this stack imports from other stacks."""
    events: list[StackEvent] = field(default_factory=list)
    change_sets: dict[str, Any] = field(default_factory=dict)
    protected: bool = False
    role_arn: str | None = None
    """The ARN of CloudFormation's execution role; what the role allows is not checked."""


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Return the names whose values differ; a missing name equals None."""
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def known_type(type_: str) -> ResourceType:
    """Return the implementation of a resource type that `Template.check` found to be supported."""
    found = type_named(type_)
    assert found is not None  # noqa: S101 - for the type checker
    return found
