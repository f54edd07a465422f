"""What a CloudFormation type is here, and the list of all that are known."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from local_cloud._protocol import Cloud

__all__ = ["Kind", "Made", "Properties", "PutKind", "kind_of", "known_types", "resource"]

Properties = dict[str, Any]
_KINDS: dict[str, "Kind"] = {}
_Class = TypeVar("_Class", bound="type[Kind]")


@dataclass(frozen=True, slots=True)
class Made:
    """A resource that was made: what `Ref` gives, and what `Fn::GetAtt` gives."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


class Kind(ABC):
    """A type: the properties that it understands, and how a resource of it is made and changed.

    A change of a property in `replaced_by` needs another resource instead of this one.
    """

    properties: ClassVar[frozenset[str]] = frozenset()
    replaced_by: ClassVar[frozenset[str]] = frozenset()
    identifier: ClassVar[str] = ""
    """The property that identifies a resource to import; empty if the type cannot be imported."""

    def find(self, cloud: Cloud, identifier: str) -> Made:
        """Find an existing resource, to be imported.

        Raises:
            LookupError: it does not exist.
        """
        raise NotImplementedError

    @abstractmethod
    def make(self, cloud: Cloud, name: str, properties: Properties) -> Made:
        """Make one; `name` is what it is called when the properties do not name it."""

    @abstractmethod
    def update(self, cloud: Cloud, made: Made, new: Properties, old: Properties) -> Made:
        """Change it in place, from `old` properties to `new` ones; a new one has no old ones."""

    @abstractmethod
    def delete(self, cloud: Cloud, made: Made, properties: Properties) -> None:
        """Delete it; `properties` are those that it was made or last changed with."""


class PutKind(Kind):
    """A type whose API puts: making a resource again under the same name changes it."""

    def update(self, cloud: Cloud, made: Made, new: Properties, old: Properties) -> Made:
        """Put it again; what `Ref` gives is its name."""
        del old
        return self.make(cloud, made.ref, new)


def resource(
    type_: str, *properties: str, replaced_by: tuple[str, ...] = ()
) -> Callable[[_Class], _Class]:
    """Register a type, with all properties that it understands."""

    def register(kind: _Class) -> _Class:
        kind.properties = frozenset({*properties, *replaced_by})
        kind.replaced_by = frozenset(replaced_by)
        _KINDS[type_] = kind()
        return kind

    return register


def kind_of(type_: str) -> Kind | None:
    """Return a type, or None for one that is not known here."""
    return _KINDS.get(type_)


def known_types() -> list[str]:
    """Return the names of all types that are known here."""
    return sorted(_KINDS)
