"""The base class of the CloudFormation resource types, and the registry of the supported types."""

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
    """The physical id (`Ref`) of an existing resource, and its attributes (`Fn::GetAtt`)."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


class ResourceType(ABC):
    """A CloudFormation resource type: creates, updates, imports and deletes its resources.

    Attributes:
        properties: the supported properties; a template with any other is rejected.
        replaced_by: the properties whose update requires a replacement of the resource.
    """

    properties: ClassVar[frozenset[str]] = frozenset()
    replaced_by: ClassVar[frozenset[str]] = frozenset()
    identifier: ClassVar[str] = ""
    """The property that identifies a resource in an import; empty if the type cannot be imported."""

    def find(self, cloud: Cloud, identifier: str) -> PhysicalResource:
        """Return an existing resource for an import; types with an `identifier` implement this.

        Raises:
            LookupError: the resource does not exist.
            NotImplementedError: the type cannot be imported.
        """
        raise NotImplementedError

    def exists(self, cloud: Cloud, properties: Properties) -> bool:
        """Return whether the named resource exists already, so that it cannot be created.

        Types whose API creates an existing resource again, or changes it, implement this: CloudFormation
        refuses to take over what is not its own.
        """
        del cloud, properties
        return False

    @abstractmethod
    def create(self, cloud: Cloud, name: str, properties: Properties) -> PhysicalResource:
        """Create a resource; `name` is its generated name, used if the properties contain none."""

    @abstractmethod
    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        """Update a resource without replacing it.

        Args:
            cloud: the cloud.
            resource: the existing resource.
            new: the new properties.
            old: the previous properties; empty if `create` calls this.
        """

    @abstractmethod
    def delete(self, cloud: Cloud, resource: PhysicalResource, properties: Properties) -> None:
        """Delete a resource, given the properties of its last creation or update."""


class PutResourceType(ResourceType):
    """A resource type whose API has a put operation: creating an existing resource updates it."""

    def update(
        self, cloud: Cloud, resource: PhysicalResource, new: Properties, old: Properties
    ) -> PhysicalResource:
        """Create the resource again with the new properties, under its physical id as its name."""
        del old
        return self.create(cloud, resource.ref, new)


def resource_type(
    type_: str, *properties: str, replaced_by: tuple[str, ...] = ()
) -> Callable[[_Class], _Class]:
    """Register the decorated class as the implementation of a CloudFormation resource type.

    Args:
        type_: the type's name, such as `AWS::SNS::Topic`.
        properties: the supported properties that can be updated.
        replaced_by: the supported properties whose update requires a replacement.
    """

    def register(class_: _Class) -> _Class:
        class_.properties = frozenset({*properties, *replaced_by})
        class_.replaced_by = frozenset(replaced_by)
        _TYPES[type_] = class_()
        return class_

    return register


def type_named(type_: str) -> ResourceType | None:
    """Return the implementation of a resource type, or None if it is not supported."""
    return _TYPES.get(type_)


def known_types() -> list[str]:
    """Return the names of all supported resource types, sorted."""
    return sorted(_TYPES)
