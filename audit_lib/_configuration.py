"""What is said once for a process: the catalogue of actions, and how records get out."""

import os
from collections.abc import Mapping
from os import PathLike
from typing import Any, Final, NamedTuple

from ._exceptions import CatalogueError, ConfigurationError
from ._record.masking import Hash, Masking, Rule
from ._record.put_log_events import MESSAGE_BYTES

__all__ = ["CatalogueAction", "Settings", "configure", "settings"]

# Docker's and Kubernetes' log drivers cut a line at 16 KiB; the Lambda service's own one does not.
_CONTAINER_BYTES: Final = 16 * 1024
_LAMBDA_BYTES: Final = 256 * 1024
_FEWEST_BYTES: Final = 4 * 1024
_SHORTEST_KEY: Final = 16
_POLICIES: Final = ("stderr", "spool", "raise")


class CatalogueAction:  # no `NamedTuple`: `import audit_lib` would wait for it
    """What the catalogue says of an action: ECS `event.category`, `event.type`, `on_failure`."""

    __slots__ = ("category", "on_failure", "types")

    def __init__(
        self, category: tuple[str, ...], types: tuple[str, ...], on_failure: str | None
    ) -> None:
        self.category = category
        self.types = types
        self.on_failure = on_failure


class Settings(NamedTuple):
    """All that `configure` says."""

    actions: dict[str, CatalogueAction]
    on_failure: str
    spool: str | None
    """The file of records that their stream did not take; `_output` opens it."""
    max_bytes: int
    said_bytes: int | None
    """The longest line, where `configure` was told; else each destination has its own."""
    fsync: bool
    masking: Masking
    chain: bool
    service: dict[str, Any]
    described: dict[Any, Any]
    """What was found out about events so far, for as long as this holds."""

    def unknown_action(self, name: str) -> str | None:
        """Say what is wrong with an action, where there is a catalogue and it is not in it."""
        if not self.actions or name in self.actions:
            return None
        from difflib import get_close_matches  # noqa: PLC0415 - a mistake may cost, an import may not

        close = get_close_matches(name, self.actions, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "add it to [actions]"
        return f"event.action: found {name!r}, which the catalogue has not; {hint}"

    def failure_policy(self, action: object) -> str:
        """Say what is done when a record of an action cannot be written."""
        known = self.actions.get(action) if isinstance(action, str) else None
        return (known and known.on_failure) or self.on_failure


def _fitting_bytes() -> int:
    return _LAMBDA_BYTES if "AWS_LAMBDA_FUNCTION_NAME" in os.environ else _CONTAINER_BYTES


_settings: Settings


def settings() -> Settings:
    """Give what is in force."""
    return _settings


def configure(  # noqa: PLR0913 - all that there is to say, once
    *,
    catalogue: str | PathLike[str] | Mapping[str, Any] | None = None,
    on_failure: str = "stderr",
    spool: str | PathLike[str] | None = None,
    max_bytes: int | None = None,
    fsync: bool = False,
    sensitive: Mapping[str, Rule | None] | None = None,
    hash_key: bytes | None = None,
    chain: bool = True,
    service: Mapping[str, str] | None = None,
) -> None:
    """Say once how this process audits; what is left out is as it is without any `configure`.

    The catalogue is the `[actions]` of `audit.toml`, as a path or as what was read from it: by
    `event.action`, a table with `category` and `type` (arrays), `on_failure`, and what others read
    of it. A record takes its category and type from there; one whose action is not in it is written
    with `labels.audit_problem`, and warned of (`AuditUsageWarning`).

    Args:
        catalogue: a TOML file, or a mapping like the one in it. Without one, any action will do.
        on_failure: what is done with a record that its stream does not take. `stderr`: it goes to
            standard error. `spool`: into the file `spool`, until the stream takes it. `raise`: the
            caller gets a `RecordLostError`, so that what cannot be audited does not happen. An
            action of the catalogue may say another one.
        spool: a file of this machine, made when it is needed; processes may share it.
        max_bytes: the longest line, its end included, from 4,096 to 1,048,550 (CloudWatch's). A
            longer record is shortened where it can be seen. 16,384, where Docker and Kubernetes
            cut; 262,144 in AWS Lambda; what it takes itself for a destination that is no stream.
        fsync: whether a line that goes to a file is on the disk before the call returns.
        sensitive: fields whose values are not written: name, or end of a dotted path, → `Mask`,
            `Hash` or `Drop`, or None for one that is not sensitive although its name sounds like it.
            Names are compared without case and separators. They add to the names known as such:
            password, token, secret, authorization, card, ssn and their like.
        chain: whether lines that go to a file, a pipe or a terminal prove themselves
            (`docs/proof.md`).
        service: which software it is: ECS `service`, such as `name`, `version`, `environment`.
        hash_key: what `Hash` hashes with, 16 bytes or more; keep it as any secret.

    Raises:
        CatalogueError: it cannot be read, or a part of it is not as it should be.
        ConfigurationError: a value is not as it should be. Nothing has changed then.
    """
    global _settings  # noqa: PLW0603 - the one place where it changes
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
        if rule is not None and not isinstance(rule, Rule):
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
    _settings = Settings(
        actions,
        on_failure,
        None if spool is None else os.fspath(spool),
        longest,
        max_bytes,
        fsync,
        masking,
        chain,
        dict(service or {}),
        {},
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


configure()  # as it is without any
