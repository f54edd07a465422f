"""Creates, updates, imports and deletes stacks, resource by resource; rolls back if one fails."""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from local_cloud._protocol import Cloud
from local_cloud.cloudformation.parameters import scope_of
from local_cloud.cloudformation.planning import planned_changes, planned_imports
from local_cloud.cloudformation.stacks import (
    Change,
    Stack,
    StackEvent,
    StackResource,
    known_type,
)
from local_cloud.cloudformation.template import Template, TemplateScope
from local_cloud.errors import StackError, TemplateError

__all__ = ["ROLLED_BACK", "Engine"]

ROLLED_BACK = ". Rollback requested by user."
"""The end of the reason of a rollback, in AWS's words."""

_NOT_UPDATABLE = frozenset({"DELETE_COMPLETE", "DELETE_FAILED", "ROLLBACK_COMPLETE"})

log = logging.getLogger(__name__)


_Undo = Callable[[], None]


class Engine:
    """The stacks of the cloud, and the operations on them.

    Attributes:
        stacks: the existing stacks, by name.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.stacks: dict[str, Stack] = {}
        self.deleted: dict[str, Stack] = {}
        """The deleted stacks, by id: their events can still be read."""

    def stack(self, name_or_id: str) -> Stack:
        """Find a stack by its name, or by its id even after it was deleted.

        Raises:
            StackError: no stack has that name or id.
        """
        for stack in self.stacks.values():
            if name_or_id in (stack.name, stack.id):
                return stack
        if name_or_id in self.deleted:
            return self.deleted[name_or_id]
        raise StackError(f"Stack with id {name_or_id} does not exist")

    def new(self, name: str) -> Stack:
        """Add an empty stack, or return the existing one in `REVIEW_IN_PROGRESS`.

        `apply` then creates its resources.

        Raises:
            StackError: a stack of that name exists in another status.
        """
        known = self.stacks.get(name)
        if known is not None and known.status != "REVIEW_IN_PROGRESS":
            raise StackError(f"Stack [{name}] already exists")
        if known is None:
            id_ = self._cloud.arn("cloudformation", f"stack/{name}/{uuid4()}")
            known = self.stacks[name] = Stack(name, id_, self._now())
        return known

    def updatable(self, name_or_id: str) -> Stack:
        """Find a stack for an update.

        Raises:
            StackError: no stack has that name or id, or its status does not allow an update.
        """
        stack = self.stack(name_or_id)
        if stack.status in _NOT_UPDATABLE:
            raise StackError(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
        return stack

    def scope(self, stack: Stack, template: Template, given: Mapping[str, str]) -> TemplateScope:
        """Return the current values that a template can refer to, as `scope_of` does.

        Raises:
            StackError: a parameter has no value, or does not exist in Parameter Store.
        """
        return scope_of(self._cloud, stack, template, given, self.stacks.values())

    def changes(self, stack: Stack, template: Template, given: Mapping[str, str]) -> list[Change]:
        """Return the changes that `apply` would make, without making them.

        Raises:
            TemplateError: the template is invalid or has unsupported parts.
            StackError: a parameter has no value.
        """
        return planned_changes(self.scope(stack, template, given), stack, template, given)

    def apply(self, stack: Stack, template: Template, given: Mapping[str, str]) -> None:
        """Create or update the resources of a stack to match a template, and delete the others.

        If a resource fails, no exception is raised: the changes are rolled back, and the stack's status and
        events show the reason. Replaced and removed resources are deleted last, unless their
        `UpdateReplacePolicy` or `DeletionPolicy` is `Retain`.

        Args:
            stack: the stack; without a template, it is created, else updated.
            template: the template.
            given: the parameter values, before names in Parameter Store are resolved.

        Raises:
            TemplateError: the template is invalid or has unsupported parts; nothing was changed.
            StackError: a parameter has no value; nothing was changed.
        """
        scope = self.scope(stack, template, given)
        template.check(scope)
        creating = stack.template is None
        if creating:
            stack.submitted = template
        verb = "CREATE" if creating else "UPDATE"
        self._status(stack, f"{verb}_IN_PROGRESS", "User Initiated")
        undo: list[_Undo] = []
        obsolete: list[StackResource] = []
        try:
            wanted = template.active(scope)
            for id_, body in wanted.items():
                self._apply_one(stack, template, scope, (id_, body), (undo, obsolete))
                scope.resources[id_] = stack.resources[id_].physical
            outputs = [(n, str(v), e) for n, v, e in template.output_values(scope)]
            self._keep_exports(stack, {e for _, _, e in outputs})
        except Exception as error:  # noqa: BLE001 - the events show it
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
        """Return the changes that `import_` would make, without making them.

        Args:
            stack: the stack.
            template: the template, which contains the resources to import.
            given: the parameter values.
            wanted: maps logical ids to the identifiers of existing resources.

        Raises:
            TemplateError: the template is invalid or has unsupported parts.
            StackError: the template has changes other than imports, or a resource cannot be
                imported.
        """
        changes = self.changes(stack, template, given)
        return planned_imports(changes, template, wanted, self.stacks.values())

    def import_(
        self, stack: Stack, template: Template, given: Mapping[str, str], changes: list[Change]
    ) -> None:
        """Import existing resources into a stack; their properties are not changed to the template's.

        If a resource does not exist, no exception is raised: the stack keeps its resources, and its status
        and events show the reason.

        Args:
            stack: the stack.
            template: the template, which contains the resources to import.
            given: the parameter values.
            changes: the changes that `importing` returned.
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

    def _import_one(
        self, stack: Stack, template: Template, scope: TemplateScope, change: Change
    ) -> None:
        body = template.resources[change.id]
        what = (change.id, change.physical_id, change.type)
        self._event(stack, what, "IMPORT_IN_PROGRESS")
        physical = known_type(change.type).find(self._cloud, change.physical_id)
        scope.resources[change.id] = physical
        properties = template.resolved(body.get("Properties", {}), scope)
        stack.resources[change.id] = StackResource(
            change.id, change.type, physical, properties, body, self._now()
        )
        self._event(stack, what, "IMPORT_COMPLETE")

    def delete(self, stack: Stack) -> None:
        """Delete a stack and its resources, except those with the `DeletionPolicy` `Retain`.

        If a resource cannot be deleted, the stack's status is `DELETE_FAILED`; no exception is raised.

        Raises:
            StackError: termination protection is enabled, or another stack imports an export.
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
        """Return the names of the stacks that import an export."""
        return [stack.name for stack in self.stacks.values() if export in stack.imports]

    def _keep_exports(self, stack: Stack, kept: set[str | None]) -> None:
        """Raise `StackError` if another stack imports an export that is not in `kept`."""
        for _, _, export in stack.outputs:
            if export and export not in kept and (users := self.importing_stacks(export)):
                raise StackError(
                    f"Export {export} cannot be deleted as it is in use by {' and '.join(users)}"
                )

    def _apply_one(
        self,
        stack: Stack,
        template: Template,
        scope: TemplateScope,
        wanted: tuple[str, dict[str, Any]],
        journal: tuple[list[_Undo], list[StackResource]],
    ) -> None:
        id_, body = wanted
        undo, obsolete = journal
        known = stack.resources.get(id_)
        try:
            properties = template.resolved(body.get("Properties", {}), scope)
            if known is None or known.must_be_replaced(body["Type"], properties):
                self._create(stack, id_, body, properties)
                obsolete += [known] if known else []
                undo.append(lambda: self._undo_create(stack, id_, known))
            elif properties != known.properties:
                before = (known.body, known.properties)
                # Registered first, so that a change that fails half-way is undone as well.
                undo.append(lambda: self._update(stack, known, *before))
                self._update(stack, known, body, properties)
            else:
                known.body = body
        except Exception as error:
            verb = "CREATE" if known is None else "UPDATE"
            physical_id = known.physical.ref if known else ""
            reason = f"the key {error} is missing" if isinstance(error, KeyError) else str(error)
            self._event(stack, (id_, physical_id, body["Type"]), f"{verb}_FAILED", reason)
            raise StackError(f"{id_}: {reason}") from error

    def _create(
        self, stack: Stack, id_: str, body: dict[str, Any], properties: dict[str, Any]
    ) -> None:
        name = f"{stack.name}-{id_}-{uuid4().hex[:12].upper()}"
        self._event(stack, (id_, "", body["Type"]), "CREATE_IN_PROGRESS")
        if known_type(body["Type"]).exists(self._cloud, properties):
            raise StackError(f"Resource of type '{body['Type']}' already exists.")
        physical = known_type(body["Type"]).create(self._cloud, name, properties)
        stack.resources[id_] = StackResource(
            id_, body["Type"], physical, properties, body, self._now()
        )
        self._event(stack, (id_, physical.ref, body["Type"]), "CREATE_COMPLETE")

    def _update(
        self, stack: Stack, known: StackResource, body: dict[str, Any], properties: dict[str, Any]
    ) -> None:
        what = (known.id, known.physical.ref, known.type)
        self._event(stack, what, "UPDATE_IN_PROGRESS")
        known.physical = known.resource_type.update(
            self._cloud, known.physical, properties, known.properties
        )
        known.properties, known.body, known.changed = properties, body, self._now()
        self._event(stack, what, "UPDATE_COMPLETE")

    def _undo_create(self, stack: Stack, id_: str, before: StackResource | None) -> None:
        """Delete a resource that was created before the failure; restore the resource that it replaced."""
        self._delete_one(stack, stack.resources.pop(id_), "DeletionPolicy", undo=True)
        if before is not None:
            stack.resources[id_] = before

    def _delete_one(
        self, stack: Stack, resource: StackResource, policy: str, *, undo: bool = False
    ) -> bool:
        what = (resource.id, resource.physical.ref, resource.type)
        kept = {"Retain"} if undo else {"Retain", "RetainExceptOnCreate"}
        if resource.body.get(policy) in kept:
            self._event(stack, what, "DELETE_SKIPPED")
            return True
        self._event(stack, what, "DELETE_IN_PROGRESS")
        try:
            resource.resource_type.delete(self._cloud, resource.physical, resource.properties)
        except Exception as error:  # noqa: BLE001 - the events show it
            self._event(stack, what, "DELETE_FAILED", str(error))
            return False
        self._event(stack, what, "DELETE_COMPLETE")
        return True

    def _roll_back(self, stack: Stack, undo: list[_Undo], *, creating: bool, reason: str) -> None:
        prefix = "" if creating else "UPDATE_"
        self._status(stack, f"{prefix}ROLLBACK_IN_PROGRESS", f"{reason}{ROLLED_BACK}")
        for step in reversed(undo):
            step()
        self._status(stack, f"{prefix}ROLLBACK_COMPLETE")

    def _status(self, stack: Stack, status: str, reason: str = "") -> None:
        stack.status, stack.reason = status, reason
        self._event(stack, (stack.name, stack.id, "AWS::CloudFormation::Stack"), status, reason)

    def _event(
        self, stack: Stack, what: tuple[str, str, str], status: str, reason: str = ""
    ) -> None:
        logical_id, physical_id, type_ = what
        if type_ == "AWS::CloudFormation::Stack":
            log.info("stack %s: %s %s", stack.name, status, reason)
        elif status.endswith("_FAILED"):
            log.warning("stack %s: %s: %s %s", stack.name, logical_id, status, reason)
        event = StackEvent(
            str(uuid4()), logical_id, physical_id, type_, status, reason, self._now()
        )
        stack.events.append(event)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._cloud.clock.now(), UTC)
