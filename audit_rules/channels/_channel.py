"""Defines the base class of the channel types, and the grants that a channel requires."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Self

from audit_rules._reading.table import TableReader

__all__ = ["Channel", "Grant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """IAM permissions that the forwarder's role needs for a channel.

    Attributes:
        service: the service of the resources' ARNs, such as `secretsmanager`.
        actions: IAM actions, such as `secretsmanager:GetSecretValue`.
        resources: the part of the ARNs after the account, such as `secret:NAME-??????`.
        conditions: an IAM condition block, operator → key → values.
    """

    service: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]] = field(
        default_factory=lambda: MappingProxyType({}), hash=False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel(ABC):
    """A channel that receives notifications, as configured by `[channels.NAME]` in `audit.toml`."""

    TYPE: ClassVar[str]
    """The value of `type` in the file, and the name of the four files."""
    KEYS: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """The description of each key, for editors and for the reference."""

    name: str

    @classmethod
    @abstractmethod
    def read(cls, table: TableReader, name: str) -> Self:
        """Read a channel from its table, and add a problem to the table for each invalid key."""

    @property
    @abstractmethod
    def grants(self) -> tuple[Grant, ...]:
        """The permissions that the forwarder's role needs for this channel."""
