"""The base class of CloudFormation types, and the registry of the supported ones."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from local_cloud._protocol import Cloud

__all__ = [
    "PhysicalResource",
    "Properties",
    "PutResourceType",
    "ResourceType",
    "known_types",
    "resource_type",
    "type_named",
]

Properties = dict[str, Any]
_TYPES: dict[str, "ResourceType"] = {}
_Class = TypeVar("_Class", bound="type[ResourceType]")


@dataclass(frozen=True, slots=True)
class PhysicalResource:
    """A resource that was created: what `Ref` and `Fn::GetAtt` return."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


class ResourceType(ABC):
    """A CloudFormation type: its properties, and how its resources are created, changed and deleted.

    A change of a property in `replaced_by` replaces the resource.
    """

    properties: ClassVar[frozenset[str]] = frozenset()
    replaced_by: ClassVar[frozenset[str]] = frozenset()
    identifier: ClassVar[str] = ""
    """The property that identifies a resource to import; empty if the type cannot be imported."""

    def find(self, cloud: Cloud, identifier: str) -> PhysicalResource:
        """Find an existing resource, to be imported.

        Raises:
            LookupError: it does not exist.
        """
        raise NotImplementedError

    @abstractmethod
    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        """Create a resource; `name` is its name where the properties have none."""

    @abstractmethod
    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        """Change a resource in place; `old` is empty for one that was just created."""

    @abstractmethod
    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        """Delete a resource; `properties` are those it was created or last changed with."""


class PutResourceType(ResourceType):
    """A type whose API has a put operation: creating a resource again by its name changes it."""

    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        """Put the resource again; its `Ref` is its name."""
        del old
        return self.create(cloud, resource.ref, new)


def resource_type(
    type_: str, *properties: str, replaced_by: tuple[str, ...] = ()
) -> Callable[[_Class], _Class]:
    """Register a class as a type, with all properties that it evaluates."""

    def register(class_: _Class) -> _Class:
        class_.properties = frozenset({*properties, *replaced_by})
        class_.replaced_by = frozenset(replaced_by)
        _TYPES[type_] = class_()
        return class_

    return register


def type_named(type_: str) -> ResourceType | None:
    """Return a type by its name, or None if it is not supported."""
    return _TYPES.get(type_)


def known_types() -> list[str]:
    """Return the names of all supported types."""
    return sorted(_TYPES)
