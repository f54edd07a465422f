"""A stack as data: its resources, their events, and the changes of a change set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local_cloud.cloudformation.template import Template
from local_cloud.resources import PhysicalResource, ResourceType, type_named

__all__ = ["Change", "Stack", "StackEvent", "StackResource", "differing", "known_type"]


@dataclass(slots=True)
class StackResource:
    """A resource of a stack: its type, the resource that was created, and its properties."""

    id: str
    type: str
    physical: PhysicalResource
    properties: dict[str, Any]
    body: dict[str, Any]
    changed: datetime

    @property
    def resource_type(self) -> ResourceType:
        """The type, which was known when the resource was created."""
        return known_type(self.type)

    def must_be_replaced(self, type_: str, properties: Mapping[str, Any]) -> bool:
        """Return whether a new type or new properties require a replacement."""
        changed = differing(self.properties, properties)
        return type_ != self.type or bool(changed & self.resource_type.replaced_by)


@dataclass(frozen=True, slots=True)
class StackEvent:
    """An event of a resource, or of the stack itself."""

    id: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What a change set would do to a resource: `Add`, `Modify`, `Remove` or `Import`."""

    action: str
    id: str
    type: str
    physical_id: str = ""
    replaces: bool = False


@dataclass(slots=True)
class Stack:
    """A stack, and everything that happened to it."""

    name: str
    id: str
    created: datetime
    status: str = "REVIEW_IN_PROGRESS"
    reason: str = ""
    updated: datetime | None = None
    template: Template | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    resources: dict[str, StackResource] = field(default_factory=dict)
    outputs: list[tuple[str, str, str | None]] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    """The exports of other stacks that this one uses."""
    events: list[StackEvent] = field(default_factory=list)
    change_sets: dict[str, Any] = field(default_factory=dict)
    protected: bool = False


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Return the names whose values differ."""
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def known_type(type_: str) -> ResourceType:
    """Return a type that `Template.check` found to be known."""
    found = type_named(type_)
    assert found is not None  # noqa: S101 - for the type checker
    return found
