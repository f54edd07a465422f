"""Computes the changes of a change set, for updates and imports, without making them."""

from collections.abc import Iterable, Mapping
from typing import Any

from local_cloud.cloudformation.stacks import Change, Stack, differing, known_type
from local_cloud.cloudformation.template import Template, TemplateScope
from local_cloud.errors import StackError

__all__ = ["planned_changes", "planned_imports"]


def planned_changes(
    scope: TemplateScope, stack: Stack, template: Template, given: Mapping[str, str]
) -> list[Change]:
    """Return the changes between a stack's resources and a template.

    If a parameter value differs, every existing resource of the template is listed as `Modify`.

    Args:
        scope: the values that the template can refer to.
        stack: the stack.
        template: the template.
        given: the parameter values.

    Raises:
        TemplateError: the template is invalid or has unsupported parts.
    """
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
            replaces = bool(differing(old, new) & known.resource_type.replaced_by)
            found.append(Change("Modify", id_, body["Type"], known.physical.ref, replaces))
    removed = [r for id_, r in stack.resources.items() if id_ not in wanted]
    return found + [Change("Remove", r.id, r.type, r.physical.ref) for r in removed]


def planned_imports(
    changes: Iterable[Change],
    template: Template,
    wanted: Mapping[str, str],
    stacks: Iterable[Stack],
) -> list[Change]:
    """Convert the additions of a template to imports of existing resources.

    Args:
        changes: the changes that `planned_changes` returned.
        template: the template.
        wanted: maps logical ids to the identifiers of existing resources.
        stacks: all stacks; a resource of a stack cannot be imported.

    Raises:
        StackError: a change is not an addition of a resource in `wanted`, or a resource has no
            `DeletionPolicy`, a type that cannot be imported, or belongs to a stack.
    """
    imports = []
    for change in changes:
        body = template.resources.get(change.id, {})
        if change.action != "Add" or change.id not in wanted:
            raise StackError(
                "As part of the import operation, you cannot modify or add [Resources]"
                f" that are not imported: {change.id}"
            )
        if "DeletionPolicy" not in body:
            raise StackError(f"Resources to import must have a DeletionPolicy: {change.id}")
        if not known_type(change.type).identifier:
            raise StackError(f"ResourceTypes [{change.type}] are not supported for Import")
        physical = wanted[change.id]
        if owner := _owner(stacks, change.type, physical):
            raise StackError(
                f"{change.id}: {physical} belongs to the stack {owner} already; remove it from"
                " that stack with the DeletionPolicy Retain first"
            )
        imports.append(Change("Import", change.id, change.type, physical))
    return imports


def _owner(stacks: Iterable[Stack], type_: str, physical: str) -> str:
    """Return the name of the stack that contains a resource; empty if none does."""
    for stack in stacks:
        for resource in stack.resources.values():
            if resource.type == type_ and resource.physical.ref == physical:
                return stack.name
    return ""


def _compared(body: dict[str, Any]) -> dict[str, Any]:
    """Return a resource's body without `Metadata`, which does not count as a change."""
    return {name: value for name, value in body.items() if name != "Metadata"}
