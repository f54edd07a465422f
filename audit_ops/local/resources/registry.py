"""How a type is described, and how moto's CloudFormation comes to use it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from moto.cloudformation.exceptions import UnformattedGetAttTemplateException
from moto.core.common_models import CloudFormationModel

if TYPE_CHECKING:
    from audit_ops.local.cloud import LocalCloud

__all__ = ["Made", "Resources", "UnknownResourceError", "resource"]


class UnknownResourceError(Exception):
    """A template holds types or properties that are not known here; each is named."""


@dataclass(frozen=True, slots=True)
class Made:
    """A resource that was made: what `Ref` gives, and what `Fn::GetAtt` gives."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


class _Make(Protocol):
    def __call__(self, cloud: "LocalCloud", name: str, properties: dict[str, Any]) -> Made: ...


@dataclass(frozen=True, slots=True)
class _Type:
    name: str
    properties: frozenset[str]
    attributes: frozenset[str]
    make: _Make


_TYPES: dict[str, _Type] = {}


def resource(
    type_: str, *properties: str, attributes: tuple[str, ...] = ()
) -> Callable[[_Make], _Make]:
    """Register the function that makes a type, with all properties that it understands."""

    def register(make: _Make) -> _Make:
        _TYPES[type_] = _Type(type_, frozenset(properties), frozenset(attributes), make)
        return make

    return register


class Resources:
    """The types, bound to one cloud."""

    def __init__(self, cloud: "LocalCloud") -> None:
        self._cloud = cloud
        self._classes = {name: self._class(type_) for name, type_ in _TYPES.items()}
        self._failure: tuple[str, Exception] | None = None

    def failed(self) -> tuple[str, Exception] | None:
        """Give the first resource that could not be made since the last call, and why."""
        failure, self._failure = self._failure, None
        return failure

    def check(self, template: Mapping[str, Any]) -> None:
        """Look at all types and properties before anything is made.

        Raises:
            UnknownResourceError: some are not known.
        """
        unknown = []
        for id_, body in template["Resources"].items():
            type_ = _TYPES.get(body["Type"])
            if type_ is None:
                unknown.append(f"{id_}: the type {body['Type']}")
            else:
                extra = sorted(body.get("Properties", {}).keys() - type_.properties)
                unknown += [f"{id_}: {body['Type']} with the property {name}" for name in extra]
        if unknown:
            listed = "\n".join(f"  - {each}" for each in unknown)
            raise UnknownResourceError(
                f"the embedded cloud cannot run this template; it does not know\n{listed}"
            )

    def class_of(self, resource_type: str) -> type[CloudFormationModel]:
        """Give what moto's CloudFormation works with."""
        found = self._classes.get(resource_type)
        if found is None:
            raise UnknownResourceError(f"the embedded cloud does not know the type {resource_type}")
        return found

    def _class(self, type_: _Type) -> type[CloudFormationModel]:
        registry = self

        class Instance(CloudFormationModel):
            """One resource, as moto's CloudFormation sees it."""

            def __init__(self, made: Made) -> None:
                self._made = made

            @property
            def physical_resource_id(self) -> str:
                return self._made.ref

            @classmethod
            def has_cfn_attr(cls, attr: str) -> bool:
                return attr in type_.attributes

            def get_cfn_attribute(self, attribute_name: str) -> str:
                if attribute_name not in self._made.attributes:
                    raise UnformattedGetAttTemplateException
                return self._made.attributes[attribute_name]

            @staticmethod
            def cloudformation_name_type() -> str:
                return ""

            @staticmethod
            def cloudformation_type() -> str:
                return type_.name

            @classmethod
            def create_from_cloudformation_json(
                cls,
                resource_name: str,
                cloudformation_json: Any,
                account_id: str,  # noqa: ARG003 - one account
                region_name: str,  # noqa: ARG003 - one region
                **kwargs: Any,
            ) -> "Instance":
                properties = cloudformation_json.get("Properties", {})
                try:
                    return cls(type_.make(registry._cloud, resource_name, properties))
                except Exception as error:
                    registry._failure = registry._failure or (kwargs["LogicalId"], error)
                    raise

        return Instance
