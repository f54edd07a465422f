"""A stack as data: its resources, what happened to them, what a change set would change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local_cloud.cloudformation.template import Template
from local_cloud.resources import Kind, Made, kind_of

__all__ = ["Change", "Stack", "StackEvent", "StackResource", "differing", "known_kind"]


@dataclass(slots=True)
class StackResource:
    """A resource of a stack: its type, what was made, and from which properties."""

    id: str
    type: str
    made: Made
    properties: dict[str, Any]
    body: dict[str, Any]
    changed: datetime

    @property
    def kind(self) -> Kind:
        """Its type, which was known when it was made."""
        return known_kind(self.type)

    def must_be_replaced(self, type_: str, properties: Mapping[str, Any]) -> bool:
        """Return whether another resource is needed to have this type and these properties."""
        changed = differing(self.properties, properties)
        return type_ != self.type or bool(changed & self.kind.replaced_by)


@dataclass(frozen=True, slots=True)
class StackEvent:
    """Something that happened to a resource, or to the stack itself."""

    id: str
    logical: str
    physical: str
    type: str
    status: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What a change set would do with a resource: `Add`, `Modify`, `Remove` or `Import`."""

    action: str
    id: str
    type: str
    physical: str = ""
    replaces: bool = False


@dataclass(slots=True)
class Stack:
    """A stack, and all that happened to it."""

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
    """The exports of other stacks that it uses."""
    events: list[StackEvent] = field(default_factory=list)
    change_sets: dict[str, Any] = field(default_factory=dict)
    protected: bool = False


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Return the names whose values differ."""
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def known_kind(type_: str) -> Kind:
    """Return a type that `Template.check` has found to be known."""
    kind = kind_of(type_)
    assert kind is not None  # noqa: S101 - for the type checker
    return kind
