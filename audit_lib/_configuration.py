"""Checks and keeps the configuration of the process: catalogue, masking and delivery of records."""

import os
from collections.abc import Collection, Mapping
from os import PathLike
from types import MappingProxyType
from typing import Any, Final, NoReturn

from ._exceptions import CatalogueError, ConfigurationError
from ._record.masking import Masking
from ._record.masking_rules import Hash, MaskingRule
from ._record.plain import plain
from ._record.put_log_events import MESSAGE_BYTES
from ._record.secrets import DETECTORS, Redactions, scrubbed

__all__ = ["CatalogueAction", "Config", "configure", "get_config"]

# The log drivers of Docker and Kubernetes split a line at 16 KiB; AWS Lambda does not.
_CONTAINER_BYTES: Final = 16 * 1024
_LAMBDA_BYTES: Final = 256 * 1024
_MIN_BYTES: Final = 4 * 1024
_MIN_KEY_BYTES: Final = 16
_OWN_ACTIONS: Final = frozenset({"audit-muted", "audit-unmuted"})
_POLICIES: Final = ("stderr", "spool", "raise")


class CatalogueAction:  # a `NamedTuple` would slow `import audit_lib`
    """An action of the catalogue: ECS `event.category` and `event.type`, and its failure policy.

    Empty categories or types, and an `on_failure` of None, are not set by the catalogue.
    """

    __slots__ = ("category", "on_failure", "types")

    def __init__(
        self, category: tuple[str, ...], types: tuple[str, ...], on_failure: str | None
    ) -> None:
        self.category = category
        self.types = types
        self.on_failure = on_failure


class Config:
    """A configuration: the arguments of `configure`, or their defaults. It cannot be changed.

    `get_config` returns the current configuration; `configure` replaces it. The `hash_key` is not among
    its attributes.

    Attributes:
        actions: the actions of the catalogue by name; empty without a catalogue.
        on_failure: the failure policy: `stderr`, `spool` or `raise`.
        spool: the path of the spool file, or None.
        max_bytes: the maximum length of a line of a stream, in bytes, its end included.
        fsync: whether a line of a file is on the disk before the call returns.
        sensitive: the masking rules by field name that were added to the default names.
        detect: what else is searched for in texts: `card`, `iban`.
        chain: whether lines are linked into a hash chain.
        service: ECS `service`.
    """

    __slots__ = (
        "actions", "chain", "detect", "event_cache", "fsync", "masking", "max_bytes", "on_failure",
        "requested_bytes", "sensitive", "service", "service_fields", "spool",
    )  # fmt: skip
    actions: Mapping[str, CatalogueAction]
    on_failure: str
    spool: str | None
    max_bytes: int
    fsync: bool
    sensitive: Mapping[str, MaskingRule | None]
    detect: tuple[str, ...]
    chain: bool
    service: Mapping[str, str]
    # Internal attributes:
    requested_bytes: int | None
    """The argument `max_bytes`; None if it was omitted, so that each destination has its own limit."""
    masking: Masking
    service_fields: dict[str, Any]
    event_cache: dict[Any, Any]
    """A cache of at most 4,096 ECS `event` objects, which depend on this configuration."""

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"{name}: a Config cannot be changed; call audit_lib.configure")

    def __delattr__(self, name: str) -> NoReturn:
        self.__setattr__(name, None)

    def __repr__(self) -> str:
        named = (
            "on_failure", "spool", "max_bytes", "fsync", "sensitive", "detect", "chain", "service",
        )  # fmt: skip
        values = (getattr(self, name) for name in named)
        shown = (dict(v) if isinstance(v, MappingProxyType) else v for v in values)
        parts = ", ".join(f"{name}={value!r}" for name, value in zip(named, shown, strict=True))
        return f"Config(actions={list(self.actions)!r}, {parts})"

    def unknown_action(self, name: str) -> str | None:
        """Return a description of the problem if an action is not in the catalogue, else None.

        Without a catalogue, any action is accepted; `audit-muted` and `audit-unmuted` always are.
        """
        if not self.actions or name in self.actions or name in _OWN_ACTIONS:
            return None
        from difflib import get_close_matches  # noqa: PLC0415 - only needed for a mistake

        close = get_close_matches(name, self.actions, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "add it to [actions]"
        return f"event.action: found {name!r}, which is not in the catalogue; {hint}"

    def failure_policy(self, action: object) -> str:
        """Return the failure policy of an action of the catalogue; without its own, `on_failure`."""
        known = self.actions.get(action) if isinstance(action, str) else None
        return (known and known.on_failure) or self.on_failure


def _default_max_bytes() -> int:
    return _LAMBDA_BYTES if "AWS_LAMBDA_FUNCTION_NAME" in os.environ else _CONTAINER_BYTES


_config: Config


def get_config() -> Config:
    """Return the configuration of the last call of `configure`, or the default configuration."""
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
    detect: Collection[str] = (),
    chain: bool = True,
    service: Mapping[str, str] | None = None,
) -> None:
    """Replace the configuration of this process. An omitted argument has its default value.

    The catalogue is the `[actions]` of `audit.toml`: by `event.action`, a table with `category` and
    `type` (arrays) and `on_failure`; other keys are ignored. Records take their category and type
    from it. A record whose action is not in it is written with `labels.audit_problem`, and reported
    (see `AuditUsageWarning`).

    Args:
        catalogue: a TOML file, or a mapping with the same structure. Without a catalogue, any action
            is accepted.
        on_failure: how a record that its stream does not accept is handled. `stderr`: it is written
            to standard error. `spool`: it is stored in the file `spool` until the stream accepts it;
            if the file cannot be written, it is written to standard error. `raise`: the caller
            receives a `RecordLostError`, so that what cannot be audited does not happen. The caller
            also receives it if standard error fails. An action of the catalogue may have its own policy.
        spool: a local file, created when needed; processes may share it.
        max_bytes: the maximum length of a line in bytes, its end included, from 4,096 to 1,048,550
            (CloudWatch's limit). A longer record is shortened and marked. Default: 16,384, where
            Docker and Kubernetes split a line; 262,144 in AWS Lambda; the limit of the service for a
            destination that is not a stream.
        fsync: whether a line of a file is on the disk before the call returns.
        sensitive: fields whose values are not written: name, or end of a dotted path, → `Mask`,
            `Hash` or `Drop`, or None for a field that is not sensitive although its name suggests
            it. Case and separators of names are ignored. They are added to the default names:
            password, token, secret, authorization, card, ssn and similar.
        hash_key: the key of `Hash`, 16 bytes or more, from your secret store.
        detect: what else is searched for in all texts and hidden: `card` (13 to 19 digits with the
            check digit of a payment card) and `iban` (an International Bank Account Number). Off by
            default: a record that contains a number takes longer, and one in ten numbers of an
            application has the right digit by chance.
        chain: whether lines of a file, a pipe or a terminal are linked into a hash chain
            (`docs/proof.md`).
        service: the software: ECS `service`, such as `name`, `version`, `environment`.

    Raises:
        CatalogueError: the catalogue cannot be read, has no actions, or an action is wrong; the
            configuration is unchanged.
        ConfigurationError: another argument is wrong; the configuration is unchanged.
    """
    global _config  # noqa: PLW0603 - the only place that changes it
    _check_types(
        max_bytes=(max_bytes, int, "a number"),
        spool=(spool, str | os.PathLike, "a path"),
        fsync=(fsync, bool, "True or False"),
        sensitive=(sensitive, Mapping, "a mapping"),
        hash_key=(hash_key, bytes, "bytes"),
        chain=(chain, bool, "True or False"),
        service=(service, Mapping, "a mapping"),
    )
    spool_path = None if spool is None else _checked_path(spool)
    actions = {} if catalogue is None else _read(catalogue)
    if on_failure not in _POLICIES:
        raise ConfigurationError(
            f"on_failure: found {on_failure!r}; write one of {', '.join(_POLICIES)}"
        )
    spooling = [name for name, each in actions.items() if each.on_failure == "spool"]
    if spool is None and (on_failure == "spool" or spooling):
        place = f"actions.{spooling[0]}: on_failure" if spooling else "on_failure"
        raise ConfigurationError(f"{place}: found 'spool' without a file; add spool='….jsonl'")
    longest = _default_max_bytes() if max_bytes is None else max_bytes
    if not _MIN_BYTES <= longest <= MESSAGE_BYTES:
        raise ConfigurationError(
            f"max_bytes: found {longest}; write {_MIN_BYTES} to {MESSAGE_BYTES}, CloudWatch's limit"
        )
    for name, rule in (sensitive or {}).items():
        if not isinstance(name, str):
            raise ConfigurationError(f"sensitive: found {name!r}; write the name of a field")
        if rule is not None and not isinstance(rule, MaskingRule):
            raise ConfigurationError(
                f"sensitive: {name}: found {type(rule).__name__}; write Mask(), Hash(), Drop() or None"
            )
        if isinstance(rule, Hash) and hash_key is None:
            raise ConfigurationError(
                f"sensitive: {name}: found Hash() without a key; add hash_key="
            )
    if hash_key is not None and len(hash_key) < _MIN_KEY_BYTES:
        raise ConfigurationError(
            f"hash_key: found {len(hash_key)} bytes; write {_MIN_KEY_BYTES} or more, such as"
            " secrets.token_bytes(32)"
        )
    unknown = [name for name in detect if name not in DETECTORS]
    if isinstance(detect, str) or unknown:
        found = detect if isinstance(detect, str) else unknown[0]
        raise ConfigurationError(f"detect: found {found!r}; write some of {list(DETECTORS)}")
    masking = Masking(sensitive, hash_key, tuple(detect))
    described = masking.masked({"service": plain(dict(service or {}))}, (), Redactions())
    named = scrubbed(described, Redactions(), tuple(detect))["service"]
    _config = Config(
        actions=MappingProxyType(actions),
        on_failure=on_failure,
        spool=spool_path,
        max_bytes=longest,
        requested_bytes=max_bytes,
        fsync=fsync,
        sensitive=MappingProxyType(dict(sensitive or {})),
        detect=tuple(detect),
        masking=masking,
        chain=chain,
        service=MappingProxyType(named),
        service_fields={"service": named} if named else {},
        event_cache={},
    )


def _check_types(**values: tuple[object, Any, str]) -> None:
    for name, (value, kinds, wanted) in values.items():
        if value is not None and (not isinstance(value, kinds) or (kinds is int and value is True)):
            raise ConfigurationError(f"{name}: found {type(value).__name__}; write {wanted}")


def _checked_path(spool: str | PathLike[str]) -> str:
    """Return the path of the spool as a text; raise `ConfigurationError` if no file can have it."""
    path = os.fspath(spool)
    try:
        possible = bool(path) and b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise ConfigurationError(f"spool: found {path!r}; write the path of a file")
    return os.fsdecode(path)


def _read(catalogue: str | PathLike[str] | Mapping[str, Any]) -> dict[str, CatalogueAction]:
    if isinstance(catalogue, Mapping):
        place, document = "the catalogue", catalogue
    else:
        import tomllib  # noqa: PLC0415 - most applications have no catalogue

        place = str(catalogue)
        try:
            with open(catalogue, "rb") as file:  # noqa: PTH123 - accepts any path-like
                document = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise CatalogueError(f"{place}: is not valid TOML: {error}") from error
        except (OSError, ValueError) as error:  # also text that is not UTF-8, a NUL in the path
            reason = getattr(error, "strerror", None) or str(error)
            raise CatalogueError(
                f"{place}: cannot be read: {reason}; write the path of a TOML file in UTF-8"
            ) from error
    actions = document.get("actions")
    if not isinstance(actions, Mapping) or not actions:
        raise CatalogueError(
            f"{place}: actions: found no table; add [actions.NAME] for each action"
        )
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
        raise CatalogueError(f"{place}: {key}: found {names!r}; write an array of strings")
    return tuple(names)


configure()  # the defaults
