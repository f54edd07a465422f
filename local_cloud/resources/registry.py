"""What a CloudFormation type is here, and the list of all that are known."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from local_cloud.cloud import LocalCloud

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

    A change of a property in `replaced_by` needs another resource in the place of this one.
    """

    properties: ClassVar[frozenset[str]] = frozenset()
    replaced_by: ClassVar[frozenset[str]] = frozenset()
    identifier: ClassVar[str] = ""
    """The property by which one that exists is imported into a stack; empty where that is not done."""

    def find(self, cloud: "LocalCloud", identifier: str) -> Made:
        """Find one that exists, to be imported.

        Raises:
            LookupError: there is none.
        """
        raise NotImplementedError

    @abstractmethod
    def make(self, cloud: "LocalCloud", name: str, properties: Properties) -> Made:
        """Make one; `name` is what it is called when the properties do not name it."""

    @abstractmethod
    def update(self, cloud: "LocalCloud", made: Made, new: Properties, old: Properties) -> Made:
        """Change it in place, from `old` properties to `new` ones; a new one has no old ones."""

    @abstractmethod
    def delete(self, cloud: "LocalCloud", made: Made, properties: Properties) -> None:
        """Delete it; `properties` are those that it was made or last changed with."""


class PutKind(Kind):
    """A type whose API puts: making it again under the same name changes it."""

    def update(self, cloud: "LocalCloud", made: Made, new: Properties, old: Properties) -> Made:
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
    """Give a type, or None for one that is not known here."""
    return _KINDS.get(type_)


def known_types() -> list[str]:
    """Give the names of all types that are known here."""
    return sorted(_KINDS)
