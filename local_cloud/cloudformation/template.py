"""Parses templates, orders their resources by dependency, and resolves intrinsic functions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from local_cloud.errors import TemplateError
from local_cloud.resources import PhysicalResource, type_named

__all__ = ["Template", "TemplateScope"]

_RESOURCE_KEYS: Final = frozenset({
    "Condition", "DeletionPolicy", "DependsOn", "Metadata", "Properties", "Type",
    "UpdateReplacePolicy",
})  # fmt: skip
_POLICIES: Final = frozenset({"Delete", "Retain", "RetainExceptOnCreate"})
_PARAMETER_KEYS: Final = frozenset({
    "AllowedPattern", "AllowedValues", "ConstraintDescription", "Default", "Description",
    "MaxLength", "MaxValue", "MinLength", "MinValue", "NoEcho", "Type",
})  # fmt: skip
_SUBSTITUTE: Final = re.compile(r"\$\{(!?)([^${}]+)\}")
_NO_VALUE: Final = object()
_SECTIONS: Final = frozenset({
    "AWSTemplateFormatVersion", "Conditions", "Description", "Mappings", "Metadata", "Outputs",
    "Parameters", "Resources", "Rules",
})  # fmt: skip

_COMBINED: Final[Mapping[str, Callable[[Iterable[bool]], bool]]] = {
    "Fn::And": all,
    "Fn::Or": any,
    "Fn::Not": lambda conditions: not any(conditions),
}
_COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "Fn::Equals": lambda left, right: bool(left == right),
    "Fn::Contains": lambda values, value: value in values,
    "Fn::EachMemberEquals": lambda values, value: set(values) <= {value},
    "Fn::EachMemberIn": lambda values, others: set(values) <= set(others),
}

_RULES_ONLY: Final = ("Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn")


class _Yaml(yaml.SafeLoader):  # type: ignore[misc]  # yaml ships no types
    """A YAML loader for the short forms of intrinsic functions: `!Ref x` is `{"Ref": "x"}`."""

    def short_form(self, tag: str, node: yaml.Node) -> dict[str, Any]:
        """Return the long form of an intrinsic function."""
        if isinstance(node, yaml.ScalarNode):
            argument: Any = self.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            argument = self.construct_sequence(node, deep=True)
        else:
            argument = self.construct_mapping(node, deep=True)
        return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": argument}


_Yaml.add_multi_constructor("!", _Yaml.short_form)
# A version such as 2012-10-17 is a string, not a date.
_Yaml.yaml_implicit_resolvers = {
    first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class TemplateScope:
    """The values that a template can refer to.

    Attributes:
        parameters: the values of parameters and pseudo parameters, by name.
        resources: the existing resources, by logical id; the engine adds those that it creates.
        exports: the values of all stacks' exports, by export name.
    """

    parameters: Mapping[str, Any]
    resources: dict[str, PhysicalResource]
    exports: Mapping[str, str]
    imported: set[str] = field(default_factory=set)
    """The names of the exports that the template imported while it was resolved."""


class Template:
    """A parsed template.

    Args:
        text: the template in JSON, if it begins with `{`, or in YAML.

    Raises:
        TemplateError: the text cannot be parsed, has no resources, or has an unknown section.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            body = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Yaml)  # noqa: S506 - a SafeLoader
        except (ValueError, yaml.YAMLError) as error:
            raise TemplateError(f"Template format error: {error}") from error
        if not isinstance(body, dict) or not body.get("Resources"):
            raise TemplateError(
                "Template format error: At least one Resources member must be defined."
            )
        if unknown := sorted(body.keys() - _SECTIONS):
            raise TemplateError(
                f"Template format error: unknown sections {unknown}; the sections are"
                f" {', '.join(sorted(_SECTIONS))}"
            )
        for id_, each in body["Resources"].items():
            if not isinstance(each, dict) or "Type" not in each:
                raise TemplateError(
                    f"Template format error: [/Resources/{id_}] Every Resources object must"
                    " contain a Type member."
                )
            _check_keys(f"/Resources/{id_}", each, _RESOURCE_KEYS)
            if (policy := each.get("DeletionPolicy", "Delete")) not in _POLICIES:
                raise TemplateError(
                    f"the embedded cloud does not support the DeletionPolicy {policy} of {id_}"
                )
        in_conditions = json.dumps(body.get("Conditions", {}))
        for name in _RULES_ONLY:
            if f'"{name}":' in in_conditions:
                raise TemplateError(f"Template error: {name} is allowed in Rules alone")
        for name, each in body.get("Parameters", {}).items():
            _check_keys(f"/Parameters/{name}", each, _PARAMETER_KEYS)
        self.body: dict[str, Any] = body
        self.resources: dict[str, dict[str, Any]] = body["Resources"]
        self.parameters: dict[str, dict[str, Any]] = body.get("Parameters", {})
        self.outputs: dict[str, dict[str, Any]] = body.get("Outputs", {})

    def active(self, scope: TemplateScope) -> dict[str, dict[str, Any]]:
        """Return the resources whose condition is true, each after the resources that it depends on.

        Raises:
            TemplateError: the dependencies are circular, or a condition is not supported.
        """
        active = {
            id_: body
            for id_, body in self.resources.items()
            if "Condition" not in body or self._condition(body["Condition"], scope)
        }
        ordered: dict[str, dict[str, Any]] = {}
        pending = dict(active)
        while pending:
            ready = [id_ for id_ in pending if not self._needs(pending[id_], pending)]
            if not ready:
                raise TemplateError(f"Circular dependency between resources: {sorted(pending)}")
            for id_ in ready:
                ordered[id_] = pending.pop(id_)
        return ordered

    def check(self, scope: TemplateScope) -> None:
        """Check that all resource types and properties are supported, before anything is created.

        Raises:
            TemplateError: a type or property is not supported; the message names each. Or an assertion
                of a rule is false.
        """
        for name, rule in self.body.get("Rules", {}).items():
            self._check_rule(name, rule, scope)
        unknown = []
        for id_, body in self.active(scope).items():
            known = type_named(body["Type"])
            if known is None:
                unknown.append(f"{id_}: the type {body['Type']}")
                continue
            properties = body.get("Properties", {})
            given = {name for name in properties if not self._is_no_value(properties[name], scope)}
            extra = sorted(given - known.properties)
            unknown += [f"{id_}: the property {name} of {body['Type']}" for name in extra]
        if unknown:
            listed = "\n".join(f"  - {each}" for each in unknown)
            raise TemplateError(
                "the embedded cloud does not support the following; remove it from the template"
                " that you deploy"
                f" here:\n{listed}"
            )

    def _check_rule(self, name: str, rule: Mapping[str, Any], scope: TemplateScope) -> None:
        """Check the assertions of a rule about parameters.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
        """
        _check_keys(f"/Rules/{name}", rule, frozenset({"Assertions", "RuleCondition"}))
        if "RuleCondition" in rule and not self._condition(rule["RuleCondition"], scope):
            return
        for assertion in rule["Assertions"]:
            if not self._condition(assertion["Assert"], scope):
                described = assertion.get("AssertDescription", json.dumps(assertion["Assert"]))
                raise TemplateError(f"Template error: the rule {name} is not met: {described}")

    def resolved(self, node: Any, scope: TemplateScope) -> Any:
        """Return a part of the template with each intrinsic function replaced by its result.

        Supported are `Ref`, `Fn::GetAtt`, `Fn::Join`, `Fn::Split`, `Fn::Select`, `Fn::Sub`, `Fn::If`,
        `Fn::ImportValue` and `Fn::FindInMap`. Members that are `AWS::NoValue` are left out.

        Raises:
            TemplateError: a reference cannot be resolved, or a function is not supported.
        """
        value = self._resolve(node, scope)
        return None if value is _NO_VALUE else value

    def output_values(self, scope: TemplateScope) -> Iterator[tuple[str, Any, str | None]]:
        """Yield the name, the value, and the export name or None of each output whose condition is true."""
        for name, body in self.outputs.items():
            if "Condition" not in body or self._condition(body["Condition"], scope):
                export = body.get("Export")
                exported = self.resolved(export["Name"], scope) if export else None
                yield name, self.resolved(body["Value"], scope), exported

    def _needs(self, body: dict[str, Any], others: Mapping[str, Any]) -> set[str]:
        depends = body.get("DependsOn", [])
        named = {depends} if isinstance(depends, str) else set(depends)
        return (named | set(_references(body.get("Properties", {})))) & others.keys()

    def _resolve(self, node: Any, scope: TemplateScope) -> Any:
        if isinstance(node, list):
            values = [self._resolve(each, scope) for each in node]
            return [value for value in values if value is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            [(name, argument)] = node.items()
            if function := self._functions().get(name):
                return function(argument, scope)
            if name.startswith("Fn::"):
                raise TemplateError(
                    f"the embedded cloud does not support the function {name}; use one of"
                    f" {', '.join(self._functions())}"
                )
        members = {name: self._resolve(value, scope) for name, value in node.items()}
        return {name: value for name, value in members.items() if value is not _NO_VALUE}

    def _functions(self) -> dict[str, Callable[[Any, TemplateScope], Any]]:
        return {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Join": lambda a, s: a[0].join(map(str, self._resolve(a[1], s))),
            "Fn::Split": lambda a, s: str(self._resolve(a[1], s)).split(a[0]),
            "Fn::Select": self._select,
            "Fn::Sub": self._sub,
            "Fn::If": lambda a, s: self._resolve(a[1 if self._condition(a[0], s) else 2], s),
            "Fn::ImportValue": self._import_value,
            "Fn::FindInMap": self._find_in_map,
        }

    def _ref(self, name: str, scope: TemplateScope) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in scope.parameters:
            return scope.parameters[name]
        if name in scope.resources:
            return scope.resources[name].ref
        raise TemplateError(f"Unresolved resource dependencies [{name}] in the template")

    def _get_att(self, argument: Any, scope: TemplateScope) -> str:
        id_, _, attribute = (
            argument.partition(".") if isinstance(argument, str) else (argument[0], "", argument[1])
        )
        if id_ not in scope.resources:
            raise TemplateError(f"Unresolved resource dependencies [{id_}] in the template")
        if attribute not in scope.resources[id_].attributes:
            raise TemplateError(
                f"Template error: resource {id_} does not support attribute type {attribute} in Fn::GetAtt"
            )
        return scope.resources[id_].attributes[attribute]

    def _sub(self, argument: Any, scope: TemplateScope) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})
        values = {name: self._resolve(value, scope) for name, value in own.items()}

        def fill(found: re.Match[str]) -> str:
            if found[1]:
                return f"${{{found[2]}}}"
            name = found[2].strip()
            if name in values:
                return str(values[name])
            is_plain = name in scope.parameters or "." not in name
            return str(self._ref(name, scope) if is_plain else self._get_att(name, scope))

        return _SUBSTITUTE.sub(fill, text)

    def _import_value(self, argument: Any, scope: TemplateScope) -> str:
        name = self._resolve(argument, scope)
        if name not in scope.exports:
            raise TemplateError(f"No export named {name} found.")
        scope.imported.add(name)
        return scope.exports[name]

    def _select(self, argument: Any, scope: TemplateScope) -> Any:
        index, values = int(self._resolve(argument[0], scope)), self._resolve(argument[1], scope)
        try:
            return values[index]
        except IndexError as error:
            raise TemplateError(
                f"Template error: Fn::Select cannot select nonexistent value at index {index}"
            ) from error

    def _find_in_map(self, argument: Any, scope: TemplateScope) -> Any:
        table, first, second = (self._resolve(each, scope) for each in argument)
        try:
            return self.body["Mappings"][table][first][second]
        except (KeyError, TypeError) as error:
            raise TemplateError(
                f"Template error: Unable to get mapping for {table}::{first}::{second}"
            ) from error

    def _condition(self, condition: Any, scope: TemplateScope) -> bool:
        if isinstance(condition, str):
            conditions = self.body.get("Conditions", {})
            if condition not in conditions:
                raise TemplateError(
                    f"Template format error: Unresolved condition dependency {condition} in the"
                    " template"
                )
            return self._condition(conditions[condition], scope)
        [(name, argument)] = condition.items()
        if name == "Condition":
            return self._condition(argument, scope)
        if name in _COMBINED:
            return _COMBINED[name](self._condition(each, scope) for each in argument)
        if name in _COMPARED:
            left, right = (self._resolve(each, scope) for each in argument)
            return bool(_COMPARED[name](left, right))
        raise TemplateError(
            f"the embedded cloud does not support {name} in a condition or rule; use one of"
            f" {', '.join(['Condition', *_COMBINED, *_COMPARED])}"
        )

    def _is_no_value(self, node: Any, scope: TemplateScope) -> bool:
        while isinstance(node, dict) and node.keys() == {"Fn::If"}:
            condition, then, otherwise = node["Fn::If"]
            node = then if self._condition(condition, scope) else otherwise
        return bool(node == {"Ref": "AWS::NoValue"})


def _check_keys(place: str, body: Mapping[str, Any], known: frozenset[str]) -> None:
    """Raise `TemplateError` if a part of a template has a key that is not known."""
    if unknown := sorted(body.keys() - known):
        raise TemplateError(
            f"the embedded cloud does not support {', '.join(unknown)} in [{place}]; use"
            f" {', '.join(sorted(known))}"
        )


def _references(node: Any) -> Iterator[str]:
    """Yield the names in `Ref`, `Fn::GetAtt` and `Fn::Sub` in a part of a template."""
    if isinstance(node, list):
        for each in node:
            yield from _references(each)
    elif isinstance(node, dict):
        for name, argument in node.items():
            if name == "Ref":
                yield argument
            elif name == "Fn::GetAtt":
                yield argument.partition(".")[0] if isinstance(argument, str) else argument[0]
            elif name == "Fn::Sub":
                text = argument[0] if isinstance(argument, list) else argument
                for found in _SUBSTITUTE.finditer(text):
                    yield found[2].strip().partition(".")[0]
            yield from _references(argument)
