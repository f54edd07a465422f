"""Stacks: made, changed and deleted, resource by resource, and rolled back when one fails."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from local_cloud.cloudformation.template import Scope, Template
from local_cloud.errors import StackError, TemplateError
from local_cloud.resources import Kind, Made, kind_of

if TYPE_CHECKING:
    from local_cloud.cloud import LocalCloud

__all__ = ["Change", "Engine", "Event", "Stack", "StackResource"]


log = logging.getLogger(__name__)


@dataclass(slots=True)
class StackResource:
    """A resource of a stack: its type, what it is, how it was made."""

    id: str
    type: str
    made: Made
    properties: dict[str, Any]
    body: dict[str, Any]
    changed: datetime

    @property
    def kind(self) -> Kind:
        """Its type, which was known when it was made."""
        return _known_kind(self.type)

    def must_be_replaced(self, type_: str, properties: Mapping[str, Any]) -> bool:
        """Whether it takes another resource to have this type and these properties."""
        differing = _differing(self.properties, properties)
        return type_ != self.type or bool(differing & self.kind.replaced_by)


@dataclass(frozen=True, slots=True)
class Event:
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
    events: list[Event] = field(default_factory=list)
    change_sets: dict[str, Any] = field(default_factory=dict)
    protected: bool = False


_Undo = Callable[[], None]


class Engine:
    """All stacks of the cloud."""

    def __init__(self, cloud: "LocalCloud") -> None:
        self._cloud = cloud
        self.stacks: dict[str, Stack] = {}
        self.deleted: dict[str, Stack] = {}
        """Stacks that are gone, by their id: their events can still be read."""

    def stack(self, name_or_id: str) -> Stack:
        """Find a stack by its name, or by its id even when it is gone.

        Raises:
            StackError: there is none.
        """
        for stack in self.stacks.values():
            if name_or_id in (stack.name, stack.id):
                return stack
        if name_or_id in self.deleted:
            return self.deleted[name_or_id]
        raise StackError(f"Stack with id {name_or_id} does not exist")

    def new(self, name: str) -> Stack:
        """Give an empty stack, to be made by `apply`.

        Raises:
            StackError: one of that name exists.
        """
        known = self.stacks.get(name)
        if known is not None and known.status != "REVIEW_IN_PROGRESS":
            raise StackError(f"Stack [{name}] already exists")
        if known is None:
            id_ = self._cloud.arn("cloudformation", f"stack/{name}/{uuid4()}")
            known = self.stacks[name] = Stack(name, id_, self._now())
        return known

    def scope(self, stack: Stack, template: Template, given: Mapping[str, str]) -> Scope:
        """Give what the template's references find now.

        Raises:
            StackError: a parameter has no value.
        """
        parameters: dict[str, Any] = {
            "AWS::AccountId": self._cloud.account,
            "AWS::NotificationARNs": [],
            "AWS::Partition": "aws",
            "AWS::Region": self._cloud.region,
            "AWS::StackId": stack.id,
            "AWS::StackName": stack.name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        for name, body in template.parameters.items():
            if name not in given and "Default" not in body:
                raise StackError(f"Parameters: [{name}] must have values")
            parameters[name] = self._parameter(
                body["Type"], str(given.get(name, body.get("Default")))
            )
        made = {id_: resource.made for id_, resource in stack.resources.items()}
        exports = {
            export: value
            for other in self.stacks.values()
            for _, value, export in other.outputs
            if export is not None
        }
        return Scope(parameters, made, exports)

    def changes(self, stack: Stack, template: Template, given: Mapping[str, str]) -> list[Change]:
        """Give what applying the template would change, without doing it."""
        scope = self.scope(stack, template, given)
        template.check(scope)
        wanted = template.active(scope)
        same_parameters = dict(given) == stack.parameters
        found = []
        for id_, body in wanted.items():
            known = stack.resources.get(id_)
            if known is None:
                found.append(Change("Add", id_, body["Type"]))
            elif _compared(known.body) != _compared(body) or not same_parameters:
                old, new = known.body.get("Properties", {}), body.get("Properties", {})
                replaces = bool(_differing(old, new) & known.kind.replaced_by)
                found.append(Change("Modify", id_, body["Type"], known.made.ref, replaces))
        removed = [r for id_, r in stack.resources.items() if id_ not in wanted]
        return found + [Change("Remove", r.id, r.type, r.made.ref) for r in removed]

    def apply(self, stack: Stack, template: Template, given: Mapping[str, str]) -> None:
        """Make or change a stack so that it is what the template says.

        What fails is told by the stack's status and events; all that was done is undone.

        Raises:
            TemplateError, StackError: the template cannot be used; nothing was done.
        """
        scope = self.scope(stack, template, given)
        template.check(scope)
        creating = stack.template is None
        verb = "CREATE" if creating else "UPDATE"
        self._status(stack, f"{verb}_IN_PROGRESS", "User Initiated")
        undo: list[_Undo] = []
        obsolete: list[StackResource] = []
        try:
            wanted = template.active(scope)
            for id_, body in wanted.items():
                self._apply_one(stack, template, scope, (id_, body), (undo, obsolete))
                scope.made[id_] = stack.resources[id_].made
            outputs = [(n, str(v), e) for n, v, e in template.output_values(scope)]
            self._keep_exports(stack, {e for _, _, e in outputs})
        except Exception as error:  # noqa: BLE001 - CloudFormation tells it by events
            self._roll_back(stack, undo, creating=creating, reason=str(error))
            return
        stack.imports = scope.imported
        gone = [r for id_, r in stack.resources.items() if id_ not in wanted]
        for resource in reversed(gone):
            del stack.resources[resource.id]
        for resource in [*reversed(obsolete), *reversed(gone)]:
            policy = "DeletionPolicy" if resource in gone else "UpdateReplacePolicy"
            self._delete_one(stack, resource, policy)
        stack.template, stack.parameters, stack.outputs = template, dict(given), outputs
        stack.updated = None if creating else self._now()
        self._status(stack, f"{verb}_COMPLETE")

    def importing(
        self, stack: Stack, template: Template, given: Mapping[str, str], wanted: Mapping[str, str]
    ) -> list[Change]:
        """Give what importing would change, without doing it: all that is new has to be imported.

        `wanted` says what exists: logical id → identifier.

        Raises:
            StackError: something else would change, or something cannot be imported.
        """
        changes = self.changes(stack, template, given)
        for change in changes:
            body = template.resources.get(change.id, {})
            if change.action != "Add" or change.id not in wanted:
                raise StackError(
                    "As part of the import operation, you cannot modify or add [Resources]"
                    f" that are not imported: {change.id}"
                )
            if "DeletionPolicy" not in body:
                raise StackError(f"Resources to import must have a DeletionPolicy: {change.id}")
            if not _known_kind(change.type).identifier:
                raise StackError(f"ResourceTypes [{change.type}] are not supported for Import")
            owner = self._owner(change.type, wanted[change.id])
            if owner:
                raise StackError(f"{wanted[change.id]} belongs to the stack {owner} already")
        return [Change("Import", c.id, c.type, wanted[c.id]) for c in changes]

    def import_(
        self, stack: Stack, template: Template, given: Mapping[str, str], changes: list[Change]
    ) -> None:
        """Take what exists into a stack, as it is: the template's properties are not applied.

        What fails is told by the stack's status and events; the stack is as it was.
        """
        scope = self.scope(stack, template, given)
        before = dict(stack.resources)
        self._status(stack, "IMPORT_IN_PROGRESS", "User Initiated")
        try:
            for id_ in [id_ for id_ in template.active(scope) if id_ not in before]:
                [change] = [change for change in changes if change.id == id_]
                self._import_one(stack, template, scope, change)
        except (LookupError, TemplateError) as error:
            stack.resources = before
            self._status(stack, "IMPORT_ROLLBACK_IN_PROGRESS", str(error))
            self._status(stack, "IMPORT_ROLLBACK_COMPLETE")
            return
        stack.template, stack.parameters = template, dict(given)
        self._status(stack, "IMPORT_COMPLETE")

    def _import_one(self, stack: Stack, template: Template, scope: Scope, change: Change) -> None:
        body = template.resources[change.id]
        what = (change.id, change.physical, change.type)
        self._event(stack, what, "IMPORT_IN_PROGRESS")
        made = _known_kind(change.type).find(self._cloud, change.physical)
        scope.made[change.id] = made
        properties = template.resolved(body.get("Properties", {}), scope)
        stack.resources[change.id] = StackResource(
            change.id, change.type, made, properties, body, self._now()
        )
        self._event(stack, what, "IMPORT_COMPLETE")

    def _owner(self, type_: str, physical: str) -> str:
        for stack in self.stacks.values():
            for resource in stack.resources.values():
                if resource.type == type_ and resource.made.ref == physical:
                    return stack.name
        return ""

    def delete(self, stack: Stack) -> None:
        """Delete a stack: all resources but those that are to be retained.

        Raises:
            StackError: the stack is protected, or another uses what it exports.
        """
        if stack.protected:
            raise StackError(
                f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
            )
        self._keep_exports(stack, set())
        self._status(stack, "DELETE_IN_PROGRESS", "User Initiated")
        for resource in reversed(list(stack.resources.values())):
            if not self._delete_one(stack, resource, "DeletionPolicy"):
                self._status(stack, "DELETE_FAILED", f"{resource.id} could not be deleted")
                return
            del stack.resources[resource.id]
        stack.outputs = []
        self._status(stack, "DELETE_COMPLETE")
        self.deleted[stack.id] = self.stacks.pop(stack.name)

    def importing_stacks(self, export: str) -> list[str]:
        """Give the names of the stacks that use an export."""
        return [stack.name for stack in self.stacks.values() if export in stack.imports]

    def _keep_exports(self, stack: Stack, kept: set[str | None]) -> None:
        """Refuse to give up an export that another stack uses."""
        for _, _, export in stack.outputs:
            if export and export not in kept and (users := self.importing_stacks(export)):
                raise StackError(
                    f"Export {export} cannot be deleted as it is in use by {' and '.join(users)}"
                )

    def _apply_one(
        self,
        stack: Stack,
        template: Template,
        scope: Scope,
        wanted: tuple[str, dict[str, Any]],
        journal: tuple[list[_Undo], list[StackResource]],
    ) -> None:
        id_, body = wanted
        undo, obsolete = journal
        known = stack.resources.get(id_)
        try:
            properties = template.resolved(body.get("Properties", {}), scope)
            if known is None or known.must_be_replaced(body["Type"], properties):
                self._make(stack, id_, body, properties)
                obsolete += [known] if known else []
                undo.append(lambda: self._unmake(stack, id_, known))
            elif properties != known.properties:
                before = (known.body, known.properties)
                # Noted first: a change that fails half-way is undone as well.
                undo.append(lambda: self._update(stack, known, *before))
                self._update(stack, known, body, properties)
            else:
                known.body = body
        except Exception as error:
            verb = "CREATE" if known is None else "UPDATE"
            physical = known.made.ref if known else ""
            self._event(stack, (id_, physical, body["Type"]), f"{verb}_FAILED", str(error))
            raise StackError(f"{id_}: {error}") from error

    def _make(
        self, stack: Stack, id_: str, body: dict[str, Any], properties: dict[str, Any]
    ) -> None:
        name = f"{stack.name}-{id_}-{uuid4().hex[:12].upper()}"
        self._event(stack, (id_, "", body["Type"]), "CREATE_IN_PROGRESS")
        made = _known_kind(body["Type"]).make(self._cloud, name, properties)
        stack.resources[id_] = StackResource(id_, body["Type"], made, properties, body, self._now())
        self._event(stack, (id_, made.ref, body["Type"]), "CREATE_COMPLETE")

    def _update(
        self, stack: Stack, known: StackResource, body: dict[str, Any], properties: dict[str, Any]
    ) -> None:
        what = (known.id, known.made.ref, known.type)
        self._event(stack, what, "UPDATE_IN_PROGRESS")
        known.made = known.kind.update(self._cloud, known.made, properties, known.properties)
        known.properties, known.body, known.changed = properties, body, self._now()
        self._event(stack, what, "UPDATE_COMPLETE")

    def _unmake(self, stack: Stack, id_: str, before: StackResource | None) -> None:
        """Delete what was made in a run that failed, and have again what was there."""
        self._delete_one(stack, stack.resources.pop(id_), "DeletionPolicy")
        if before is not None:
            stack.resources[id_] = before

    def _delete_one(self, stack: Stack, resource: StackResource, policy: str) -> bool:
        what = (resource.id, resource.made.ref, resource.type)
        if resource.body.get(policy) == "Retain":
            self._event(stack, what, "DELETE_SKIPPED")
            return True
        self._event(stack, what, "DELETE_IN_PROGRESS")
        try:
            resource.kind.delete(self._cloud, resource.made, resource.properties)
        except Exception as error:  # noqa: BLE001 - CloudFormation tells it by events
            self._event(stack, what, "DELETE_FAILED", str(error))
            return False
        self._event(stack, what, "DELETE_COMPLETE")
        return True

    def _roll_back(self, stack: Stack, undo: list[_Undo], *, creating: bool, reason: str) -> None:
        prefix = "" if creating else "UPDATE_"
        self._status(
            stack, f"{prefix}ROLLBACK_IN_PROGRESS", f"{reason}. Rollback requested by user."
        )
        for step in reversed(undo):
            step()
        self._status(stack, f"{prefix}ROLLBACK_COMPLETE")

    def _parameter(self, kind: str, value: str) -> Any:
        if kind.startswith("AWS::SSM::Parameter::Value"):
            ssm = self._cloud.client("ssm")
            try:
                return ssm.get_parameter(Name=value)["Parameter"]["Value"]
            except ssm.exceptions.ParameterNotFound as error:
                raise StackError(
                    f"Unable to fetch parameters [{value}] from parameter store for this account."
                ) from error
        if kind == "CommaDelimitedList" or kind.startswith("List<"):
            return [part.strip() for part in value.split(",")] if value else []
        return value

    def _status(self, stack: Stack, status: str, reason: str = "") -> None:
        stack.status, stack.reason = status, reason
        self._event(stack, (stack.name, stack.id, "AWS::CloudFormation::Stack"), status, reason)

    def _event(
        self, stack: Stack, what: tuple[str, str, str], status: str, reason: str = ""
    ) -> None:
        logical, physical, type_ = what
        if type_ == "AWS::CloudFormation::Stack":
            log.info("stack %s: %s %s", stack.name, status, reason)
        elif status.endswith("_FAILED"):
            log.warning("stack %s: %s: %s %s", stack.name, logical, status, reason)
        event = Event(str(uuid4()), logical, physical, type_, status, reason, self._now())
        stack.events.append(event)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._cloud.clock.now(), UTC)


def _compared(body: dict[str, Any]) -> dict[str, Any]:
    """Give what of a resource's body is a change when it differs: not the CDK's metadata."""
    return {name: value for name, value in body.items() if name != "Metadata"}


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def _known_kind(type_: str) -> Kind:
    """Give a type that `Template.check` has looked at."""
    kind = kind_of(type_)
    assert kind is not None  # noqa: S101 - for the type checker
    return kind
