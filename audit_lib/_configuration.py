"""The configuration of a process: the catalogue of actions, and how records are written."""

import os
from collections.abc import Mapping
from os import PathLike
from types import MappingProxyType
from typing import Any, Final, NoReturn

from ._exceptions import CatalogueError, ConfigurationError
from ._record.masking import Masking
from ._record.masking_rules import Hash, MaskingRule
from ._record.put_log_events import MESSAGE_BYTES

__all__ = ["CatalogueAction", "Config", "configure", "get_config"]

# Docker's and Kubernetes' log drivers cut a line at 16 KiB; the Lambda service's own one does not.
_CONTAINER_BYTES: Final = 16 * 1024
_LAMBDA_BYTES: Final = 256 * 1024
_FEWEST_BYTES: Final = 4 * 1024
_SHORTEST_KEY: Final = 16
_POLICIES: Final = ("stderr", "spool", "raise")


class CatalogueAction:  # not a `NamedTuple`: that would slow `import audit_lib`
    """An action of the catalogue: ECS `event.category`, `event.type`, and `on_failure`."""

    __slots__ = ("category", "on_failure", "types")

    def __init__(
        self, category: tuple[str, ...], types: tuple[str, ...], on_failure: str | None
    ) -> None:
        self.category = category
        self.types = types
        self.on_failure = on_failure


class Config:
    """The configuration in force: what `configure` was called with, and its defaults.

    `get_config` returns it, `configure` replaces it; it cannot be changed. A `hash_key` is not in it.

    Attributes:
        actions: the actions of the catalogue by name; empty without a catalogue.
        on_failure: what happens to a record that its stream does not accept.
        spool: the file of such records, or None.
        max_bytes: the longest line of a stream.
        fsync: whether a line is on the disk before the call returns.
        sensitive: the rules by name of field that `configure` added to the default ones.
        chain: whether lines are linked into a hash chain.
        service: ECS `service`.
    """

    __slots__ = (
        "actions", "chain", "described", "fsync", "masking", "max_bytes", "on_failure",
        "requested_bytes", "sensitive", "service", "service_fields", "spool",
    )  # fmt: skip
    actions: Mapping[str, CatalogueAction]
    on_failure: str
    spool: str | None
    max_bytes: int
    fsync: bool
    sensitive: Mapping[str, MaskingRule | None]
    chain: bool
    service: Mapping[str, str]
    # For the library itself.
    requested_bytes: int | None
    """`max_bytes` as an argument; without one, each destination has its own limit."""
    masking: Masking
    service_fields: dict[str, Any]
    described: dict[Any, Any]
    """The events built so far, for as long as this configuration is in force."""

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"{name}: a Config cannot be changed; call audit_lib.configure")

    def __delattr__(self, name: str) -> NoReturn:
        self.__setattr__(name, None)

    def __repr__(self) -> str:
        named = ("on_failure", "spool", "max_bytes", "fsync", "sensitive", "chain", "service")
        values = (getattr(self, name) for name in named)
        shown = (dict(v) if isinstance(v, MappingProxyType) else v for v in values)
        parts = ", ".join(f"{name}={value!r}" for name, value in zip(named, shown, strict=True))
        return f"Config(actions={list(self.actions)!r}, {parts})"

    def unknown_action(self, name: str) -> str | None:
        """Return what is wrong with an action that the catalogue does not have, else None."""
        if not self.actions or name in self.actions:
            return None
        from difflib import get_close_matches  # noqa: PLC0415 - a mistake may cost, an import may not

        close = get_close_matches(name, self.actions, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "add it to [actions]"
        return f"event.action: found {name!r}, which is not in the catalogue; {hint}"

    def failure_policy(self, action: object) -> str:
        """Return what happens when a record of an action cannot be written."""
        known = self.actions.get(action) if isinstance(action, str) else None
        return (known and known.on_failure) or self.on_failure


def _fitting_bytes() -> int:
    return _LAMBDA_BYTES if "AWS_LAMBDA_FUNCTION_NAME" in os.environ else _CONTAINER_BYTES


_config: Config


def get_config() -> Config:
    """Return the configuration in force."""
    return _config


def configure(  # noqa: PLR0913 - the whole configuration
    *,
    catalogue: str | PathLike[str] | Mapping[str, Any] | None = None,
    on_failure: str = "stderr",
    spool: str | PathLike[str] | None = None,
    max_bytes: int | None = None,
    fsync: bool = False,
    sensitive: Mapping[str, MaskingRule | None] | None = None,
    hash_key: bytes | None = None,
    chain: bool = True,
    service: Mapping[str, str] | None = None,
) -> None:
    """Configure how this process audits. An argument that is left out gets its default.

    The catalogue is the `[actions]` of `audit.toml`: by `event.action`, a table with `category` and
    `type` (arrays) and `on_failure`; other keys are for others. A record takes its category and type
    from there. A record whose action is not in it is written with `labels.audit_problem`, and
    reported (see `AuditUsageWarning`).

    Args:
        catalogue: a TOML file, or a mapping like the one in it. Without a catalogue, any action is
            accepted.
        on_failure: what happens to a record that its stream does not accept. `stderr`: it goes to
            standard error. `spool`: it goes to the file `spool` until the stream accepts it.
            `raise`: the caller gets a `RecordLostError`, so that what cannot be audited does not
            happen. An action of the catalogue may have its own.
        spool: a file of this machine, created when needed; processes may share it.
        max_bytes: the longest line, its end included, from 4,096 to 1,048,550 (CloudWatch's limit).
            A longer record is shortened, and says so. Default: 16,384, where Docker and Kubernetes
            cut; 262,144 in AWS Lambda; the limit of the service for a destination that is not a
            stream.
        fsync: whether a line that goes to a file is on the disk before the call returns.
        sensitive: fields whose values are not written: name, or end of a dotted path, → `Mask`,
            `Hash` or `Drop`, or None for a field that is not sensitive although its name suggests
            it. Names are compared without case and separators. They add to the names known as
            sensitive: password, token, secret, authorization, card, ssn and the like.
        hash_key: the key of `Hash`, 16 bytes or more; keep it like any secret.
        chain: whether lines that go to a file, a pipe or a terminal are linked into a hash chain
            (`docs/proof.md`).
        service: the software: ECS `service`, such as `name`, `version`, `environment`.

    Raises:
        CatalogueError: the catalogue cannot be read, or a part of it is wrong.
        ConfigurationError: a value is wrong. The configuration is unchanged then.
    """
    global _config  # noqa: PLW0603 - the one place where it changes
    actions = {} if catalogue is None else _read(catalogue)
    if on_failure not in _POLICIES:
        raise ConfigurationError(f"on_failure: found {on_failure!r}; write one of {_POLICIES}")
    spooling = [name for name, each in actions.items() if each.on_failure == "spool"]
    if spool is None and (on_failure == "spool" or spooling):
        asked = f"actions.{spooling[0]}: on_failure" if spooling else "on_failure"
        raise ConfigurationError(f"{asked}: found 'spool' without a file; say spool='….jsonl' too")
    longest = _fitting_bytes() if max_bytes is None else max_bytes
    if not _FEWEST_BYTES <= longest <= MESSAGE_BYTES:
        raise ConfigurationError(
            f"max_bytes: found {longest}; write {_FEWEST_BYTES} to {MESSAGE_BYTES}, CloudWatch's limit"
        )
    for name, rule in (sensitive or {}).items():
        if rule is not None and not isinstance(rule, MaskingRule):
            raise ConfigurationError(
                f"sensitive: {name}: found {type(rule).__name__}; write Mask(), Hash(), Drop() or None"
            )
        if isinstance(rule, Hash) and hash_key is None:
            raise ConfigurationError(
                f"sensitive: {name}: found Hash() without a key; say hash_key="
            )
    if hash_key is not None and len(hash_key) < _SHORTEST_KEY:
        raise ConfigurationError(
            f"hash_key: found {len(hash_key)} bytes; write {_SHORTEST_KEY} or more, such as"
            " secrets.token_bytes(32)"
        )
    masking = Masking(sensitive, hash_key)
    named = dict(service or {})
    _config = Config(
        actions=MappingProxyType(actions),
        on_failure=on_failure,
        spool=None if spool is None else os.fspath(spool),
        max_bytes=longest,
        requested_bytes=max_bytes,
        fsync=fsync,
        sensitive=MappingProxyType(dict(sensitive or {})),
        masking=masking,
        chain=chain,
        service=MappingProxyType(named),
        service_fields={"service": named} if named else {},
        described={},
    )


def _read(catalogue: str | PathLike[str] | Mapping[str, Any]) -> dict[str, CatalogueAction]:
    if isinstance(catalogue, Mapping):
        place, document = "the catalogue", catalogue
    else:
        import tomllib  # noqa: PLC0415 - most applications have no catalogue

        place = str(catalogue)
        try:
            with open(catalogue, "rb") as file:  # noqa: PTH123 - any path-like will do
                document = tomllib.load(file)
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise CatalogueError(f"{place}: {error}") from error
    actions = document.get("actions")
    if not isinstance(actions, Mapping) or not actions:
        raise CatalogueError(f"{place}: actions: has no table [actions.NAME]; add one an action")
    return {str(name): _action(f"{place}: actions.{name}", body) for name, body in actions.items()}


def _action(place: str, body: Any) -> CatalogueAction:
    if not isinstance(body, Mapping):
        raise CatalogueError(f"{place}: found {type(body).__name__}; write a table")
    on_failure = body.get("on_failure")
    if on_failure is not None and on_failure not in _POLICIES:
        raise CatalogueError(
            f"{place}: on_failure: found {on_failure!r}; write one of {', '.join(_POLICIES)}"
        )
    return CatalogueAction(_names(place, body, "category"), _names(place, body, "type"), on_failure)


def _names(place: str, body: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = body.get(key, [])
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise CatalogueError(f"{place}: {key}: found {names!r}; write an array of texts")
    return tuple(names)


configure()  # the defaults
