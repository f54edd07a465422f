"""Finds mistakes in valid rules, above all conditions that would silently never match."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

from ._ecs import EVENT_TYPES
from ._ecs_fields import ALWAYS, ARRAYS, DOTTED_NAMES, EXTENSIBLE, MEMBERS, OBJECTS, ROOTS, STRINGS
from ._exceptions import ConfigError
from ._model import AuditConfig, Example, Rule
from ._reading.problems import closest
from ._sentence import Sentence
from ._severity import Severity
from .patterns import (
    ORDER,
    Condition,
    FilterPattern,
    Is,
    Leaf,
    NotExists,
    NumericComparison,
    Or,
    TextComparison,
    Wildcard,
    all_of,
    any_of,
    leaves,
    printed,
)

__all__ = ["ExampleResult", "ReviewFinding", "approve", "review", "run_examples"]


@dataclass(frozen=True, slots=True)
class ReviewFinding:
    """A mistake in a rule, channel or action: an `error` prevents deployment, a `warning` may be intended.

    `place` names the rule, channel or action. `column` is the position in the pattern, counted from
    1, or 0 if the finding is not about the pattern.
    """

    level: str
    place: str
    text: str
    column: int = 0

    def __str__(self) -> str:
        at = f"pattern, column {self.column}: " if self.column else ""
        return f"{self.place}: {at}{self.text}"


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """An example of a rule, and whether the rule matched it."""

    rule: Rule
    example: Example
    matched: bool

    @property
    def passed(self) -> bool:
        """Whether the result is the expected one."""
        return self.matched is self.example.matches

    @property
    def expected(self) -> str:
        """`must match` or `must not match`, as the example says."""
        return "must match" if self.example.matches else "must not match"

    def __str__(self) -> str:
        does = "does" if self.matched else "does not"
        return (
            f'rule "{self.rule.id}": example {_named(self.example, self.rule)} {self.expected}, but'
            f" {does}; correct the rule or the example"
        )


def _named(example: Example, rule: Rule) -> str:
    """Return the name of an example, in quotes, or else its number."""
    if example.name:
        return f'"{example.name}"'
    numbers = (str(i) for i, each in enumerate(rule.examples, start=1) if each is example)
    return next(numbers, "without a name")


def run_examples(config: AuditConfig) -> tuple[ExampleResult, ...]:
    """Match each rule (its filter pattern and its further conditions) against its examples."""
    return tuple(
        ExampleResult(rule, example, rule.matches(example.line))
        for rule in config.rules
        for example in rule.examples
    )


def approve(config: AuditConfig, source: str) -> None:
    """Check that the configuration can be deployed.

    Args:
        config: the configuration.
        source: the name of the file in messages.

    Raises:
        ConfigError: a rule has an error, or an example fails; lists all of them.
    """
    problems = [str(finding) for finding in review(config) if finding.level == "error"]
    problems += [str(result) for result in run_examples(config) if not result.passed]
    if problems:
        raise ConfigError(source, tuple(problems))


def review(config: AuditConfig) -> tuple[ReviewFinding, ...]:
    """Return the mistakes found in a valid configuration.

    Errors: a condition that never matches, an unknown member of `event`, `changes` or `log`, a sentence with
    a field that no record has, and a rule without the required examples. Warnings: other unknown fields, `!=` on a field that may be missing,
    rules with the same pattern, an example that matches two rules of one channel, a critical rule with
    quiet hours, and an unused channel.
    """
    found: list[ReviewFinding] = []
    for rule in config.rules:
        found += _review_rule(rule, config)
    found += _review_together(config)
    return tuple(found)


_CATEGORIES: Final = frozenset(EVENT_TYPES)
_TYPES: Final = frozenset().union(*EVENT_TYPES.values())
_VALUES: Final = {
    "event.outcome": frozenset({"success", "failure", "unknown"}),
    "event.kind": frozenset({"event"}),
    "event.category.*": _CATEGORIES,
    "event.type.*": _TYPES,
}
_CHANGES: Final = frozenset({"added", "removed", "updated"})
_AUDIT: Final = ".audit"


def _review_rule(rule: Rule, config: AuditConfig) -> Iterator[ReviewFinding]:
    place = f'rule "{rule.id}"'
    condition = rule.pattern.condition
    if condition is not None:
        found = list(leaves(condition))
        covered = {leaf.selector.path for leaf in found if isinstance(leaf, NotExists)}
        for leaf in found:
            for level, text in _review_comparison(leaf, config, covered):
                yield ReviewFinding(level, place, text, leaf.column)
        yield from _contradictions(condition, place)
    if rule.message:
        yield from _review_sentence(rule.message, place, "message", _sentence_fields(config))
    if rule.quiet_hours and rule.severity is Severity.CRITICAL:
        hours = str(rule.quiet_hours).replace("-", " to ")
        text = (
            f"is critical, but sends no notifications from {hours}; remove quiet_hours, or lower the"
            " severity"
        )
        yield ReviewFinding("warning", place, text)
    if config.examples_required:
        for matches, what in ((True, "that it must match"), (False, "that it must not match")):
            if not any(example.matches is matches for example in rule.examples):
                yield ReviewFinding(
                    "error", place,
                    f"has no example {what}; add [[rules.examples]] with matches ="
                    f' {str(matches).lower()}, or write examples = "optional" under [audit]',
                )  # fmt: skip


def _review_comparison(
    leaf: Leaf, config: AuditConfig, covered: Collection[tuple[str, ...]]
) -> Iterator[tuple[str, str]]:
    """Yield the findings about a comparison; `covered` are the paths with a `NOT EXISTS`."""
    path = leaf.selector.path
    dotted = ".".join(path)
    selector = str(leaf.selector)
    absent = [] if path in covered else [("warning", _absent(selector))]
    if dotted in DOTTED_NAMES and len(path) > 1:
        text = f"the name of the field contains a dot; write {DOTTED_NAMES[dotted]}"
        yield "error", f"{selector} never matches: {text}"
        return
    if unknown := _unknown(path):
        yield unknown
        return
    if not isinstance(leaf, TextComparison | NumericComparison):
        return
    if dotted in ARRAYS:
        yield "error", f"{selector} never matches: it is an array; write {selector}[*]"
    elif dotted in OBJECTS:
        yield "error", f"{selector} never matches: it is an object; name a member of it"
    elif isinstance(leaf, NumericComparison):
        if dotted in STRINGS:
            yield "error", f"{selector} never matches a number: it is a string; {_quote(leaf)}"
        elif leaf.operator == "!=":
            yield from absent
    else:
        yield from _review_text(leaf, path, config)
        if not leaf.equal and dotted not in ALWAYS:
            yield from absent


def _quote(leaf: NumericComparison) -> str:
    """Return advice for the comparison of a string with a number."""
    if leaf.operator in {"=", "!="}:
        return f'write "{leaf.number}" in quotes'
    return f"compare it with = or != and a text in quotes, because {leaf.operator} compares only numbers"


def _absent(selector: str) -> str:
    return (
        f"{selector} != … does not match a record without this field; to match those too, write"
        f" ({selector} != … || {selector} NOT EXISTS)"
    )


def _review_text(
    leaf: TextComparison, path: tuple[str, ...], config: AuditConfig
) -> Iterator[tuple[str, str]]:
    dotted = ".".join(path)
    known: Iterable[str] = _VALUES.get(dotted, ())
    if path[:2] == ("changes", "fields") and len(path) > 2:
        known = _CHANGES
    where = ""
    if dotted == "event.action" and config.actions:
        known, where = config.actions, "the actions in [actions]: "
    if known and leaf.equal and not any(leaf.test.matches(each) for each in known):
        never = "never matches the expression"
        if isinstance(leaf.test, Wildcard):
            never = f'is never "{leaf.test.text}"'
        yield "error", f"{leaf.selector} {never}; {_suggestion(leaf, known, where)}"
    if (
        dotted == "log.logger" and leaf.equal and isinstance(leaf.test, Wildcard)
        and not leaf.test.text.endswith((_AUDIT, "*"))
    ):  # fmt: skip
        yield (
            "error",
            f'$.log.logger is never "{leaf.test.text}": the logger of an audit record ends with'
            f' {_AUDIT}; write "*{_AUDIT}"',
        )


def _is_exact(leaf: TextComparison) -> bool:
    return isinstance(leaf.test, Wildcard) and leaf.test.exact


def _suggestion(leaf: TextComparison, known: Iterable[str], where: str) -> str:
    """Return advice to write the closest known value, or one of all known values."""
    names = sorted(known)
    if isinstance(leaf.test, Wildcard):
        by_case = {name.lower(): name for name in names}
        wanted = leaf.test.text.strip("*").lower()
        begun = [name for name in by_case if wanted and name.startswith(wanted)]
        if close := begun[0] if begun else closest(wanted, by_case):
            return f'did you mean "{by_case[close]}"? Values are case-sensitive'
    declare = ", or declare it there" if where and _is_exact(leaf) else ""
    return f"write {'one of ' if where or len(names) > 1 else ''}{where}{', '.join(names)}{declare}"


def _unknown(path: tuple[str, ...]) -> tuple[str, str] | None:
    """Return the level and the text of the finding about a field that no record has, or None."""
    root, *rest = path
    members = MEMBERS.get(root) or EXTENSIBLE.get(root)
    if root not in ROOTS and root != "*":
        level, offered, where, name = "warning", ROOTS, "$.", root
    elif rest and members and rest[0] not in {*members, "*"}:
        level = "error" if root in MEMBERS else "warning"
        offered, where, name = members, f"$.{root}.", rest[0]
    else:
        return None
    close = closest(name, offered)
    if not close and root in EXTENSIBLE:
        return None  # may be added by the application
    advice = "check that your application adds it"
    if close:
        advice = f"did you mean {where}{close}?"
    elif root in MEMBERS:
        advice = f"use one of: {', '.join(sorted(offered))}"
    return level, f"{where}{name} is not a field that audit_lib writes; {advice}"


def _review_sentence(
    sentence: Sentence, place: str, what: str, known: Collection[str]
) -> Iterator[ReviewFinding]:
    """Yield an error for each field that no record has; `known` are fields that ECS does not define."""
    for placeholder in sentence.placeholders:
        if "." not in placeholder or any(
            f"{placeholder}.".startswith(f"{each}.") for each in known
        ):
            continue
        if text := _unknown_in_sentence(placeholder, known):
            yield ReviewFinding("error", place, f"{what}: {{{placeholder}}}: {text}")


def _unknown_in_sentence(placeholder: str, known: Collection[str]) -> str:
    """Return what is wrong with a field that is not among `known`; empty if every application has it."""
    path = tuple(placeholder.split("."))
    unknown = _unknown(path)
    is_own = (path[0] == "changes" and len(path) > 2) or (
        path[0] in EXTENSIBLE and path[1] not in EXTENSIBLE[path[0]]
    )
    if unknown is None and not is_own:
        return ""
    if close := closest(placeholder, known):
        return f"no example and no fields of an action have it; did you mean {{{close}}}?"
    if unknown is not None and ("did you mean" in unknown[1] or path[0] in MEMBERS):
        return unknown[1].replace("$.", "")  # a placeholder is a path without "$."
    return (
        "no example and no fields of an action have it; correct it, or add it to the fields of its"
        " action in [actions]"
    )


def _sentence_fields(config: AuditConfig) -> frozenset[str]:
    """Return the fields that rules and actions say records have, beyond those of ECS.

    They are the `fields` of the actions, the fields of the examples, and both values of each changed field
    that a rule compares.
    """
    found = {path for action in config.actions.values() for path in action.fields}
    for rule in config.rules:
        for example in rule.examples:
            found |= {".".join(path) for path in _leaves(example.record, ())}
        compared = [each for each in rule.asked if each[0] == "changes" and len(each) > 2]
        found |= {
            ".".join(("changes", state, *(name for name in each[2:] if name != "*")))
            for each in compared
            for state in ("before", "after")
        }
    return frozenset(found)


def _leaves(value: Mapping[str, object], above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, inner in value.items():
        path = (*above, str(name))
        if isinstance(inner, Mapping) and inner:
            yield from _leaves(inner, path)
        elif len(path) > 1:
            yield path


def _contradictions(condition: Condition, place: str) -> Iterator[ReviewFinding]:
    """Yield an error for each field that would need two values at once, also in parts of the condition."""
    for part in any_of(condition):
        by_field: dict[tuple[str, ...], list[Leaf]] = {}
        for each in all_of(part):
            if isinstance(each, Or):
                yield from _contradictions(each, place)
            elif isinstance(each, Leaf) and not each.selector.wildcards:
                by_field.setdefault(each.selector.path, []).append(each)
        for comparisons in by_field.values():
            if text := _contradiction(comparisons):
                selector = comparisons[0].selector
                yield ReviewFinding(
                    "error", place, f"never matches: {selector} cannot be {text}; did you mean ||?",
                    comparisons[-1].column,
                )  # fmt: skip


def _contradiction(comparisons: list[Leaf]) -> str:
    """Return the contradictory values in words, or an empty string if a value satisfies all of them."""
    kinds = {_kind(leaf) for leaf in comparisons}
    if len(kinds) > 1:
        return " and ".join(sorted(kinds))
    exact = [
        leaf.test.text
        for leaf in comparisons
        if isinstance(leaf, TextComparison) and leaf.equal
        if isinstance(leaf.test, Wildcard) and leaf.test.exact
    ]
    first, *others = dict.fromkeys(exact) or [""]
    if others:
        return f'"{first}" and "{others[0]}"'
    numbers = [leaf for leaf in comparisons if isinstance(leaf, NumericComparison)]
    bounds = sorted({leaf.number for leaf in numbers})
    between = [(low + high) / 2 for low, high in pairwise(bounds)]
    tried = [*bounds, *between, Decimal("-Infinity"), Decimal("Infinity")]
    if not any(all(ORDER[n.operator](each, n.number) for n in numbers) for each in tried):
        return " and ".join(f"{leaf.operator} {leaf.number}" for leaf in numbers)
    return ""


def _kind(leaf: Leaf) -> str:
    match leaf:
        case Is(_, constant):
            return {None: "null", True: "true", False: "false"}[constant]
        case NotExists():
            return "missing"
    return "a string or a number"


def _overlaps(config: AuditConfig) -> Iterator[ReviewFinding]:
    """Yield a warning for each example that matches a second rule with a common channel."""
    for rule in config.rules:
        for example in (each for each in rule.examples if each.matches):
            event = FilterPattern.read(example.line)
            for other in config.rules:
                shared = sorted(set(rule.channels) & set(other.channels))
                if other is rule or not shared or not other.matches(event):
                    continue
                yield ReviewFinding(
                    "warning", f'rule "{rule.id}"',
                    f'its example {_named(example, rule)} also matches rule "{other.id}", so {", ".join(shared)}'
                    " would be notified twice of such a record; exclude it from one of the rules, or merge"
                    " them",
                )  # fmt: skip


def _review_together(config: AuditConfig) -> Iterator[ReviewFinding]:
    first: dict[str, str] = {}
    for rule in config.rules:
        condition = rule.pattern.condition
        text = printed(condition) if condition else rule.pattern.text
        other = first.setdefault(text, rule.id)
        if other != rule.id:
            yield ReviewFinding(
                "warning", f'rule "{rule.id}"',
                f'has the same pattern as rule "{other}": a record that both rules match causes two'
                " notifications; merge the rules and list the channels of both",
            )  # fmt: skip
    yield from _overlaps(config)
    used = {channel for rule in config.rules for channel in rule.channels}
    for name in config.channels:
        if name not in used:
            yield ReviewFinding(
                "warning",
                f'channel "{name}"',
                "is not used by any rule; add it to the channels of a rule, or remove it",
            )
    fields = _sentence_fields(config)
    for action in config.actions.values():
        yield from _review_sentence(action.sentence, f'action "{action.name}"', "sentence", fields)
