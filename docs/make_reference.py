"""`make docs`: write `docs/reference/` from the program; with `--check`, only compare.

Each page is made from what runs: the JSON Schema of `audit.toml`, the click commands, signatures and
docstrings. So nothing is in the program that the reference lacks, and nothing in the reference that the
program lacks: a key, an argument, an error or a variable without a description is an error here.
"""

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from audit_ops.cli import main as command
from audit_rules import json_schema

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "docs" / "reference"
MADE: Final = "<!-- Made by `make docs`; change the program instead. -->"

# Modules whose `__all__` is public, in the order of the page.
PUBLIC: Final = (
    "audit_lib",
    "audit_lib.adapters.request",
    "audit_lib.adapters.asgi",
    "audit_lib.adapters.wsgi",
    "audit_lib.adapters.django",
    "audit_lib.adapters.celery",
    "audit_lib.adapters.aws_lambda",
    "audit_lib.capture.sqlalchemy",
    "audit_lib.capture.django",
    "audit_lib.destinations.cloudwatch_logs",
    "audit_lib.destinations.dynamodb",
    "audit_lib.destinations.firehose",
    "audit_lib.testing",
    "audit_rules",
    "audit_rules.patterns",
)
ERROR_MODULES: Final = {
    "audit_lib": "audit_lib._exceptions",
    "audit_rules": "audit_rules._exceptions",
    "audit_ops": "audit_ops.errors",
    "local_cloud": "local_cloud.errors",
    "audit_infra": "audit_infra.assets",
}
PRODUCT: Final = ("audit_lib", "audit_rules", "audit_ops", "local_cloud", "infra", "lambda")
VARIABLES: Final = {
    "AUDIT_CONFIG": "Forwarder: the configuration it reads. Default: the `audit.toml` in its asset.",
    "AUDIT_LOCAL_PORT": "`audit local`: the port of the embedded cloud, instead of `--port`.",
    "AUDIT_LOG_GROUP": "Router and forwarder: the audit log group. Set by the stack.",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "A function's process in the embedded cloud: set by it, as by Lambda.",
    "AWS_LAMBDA_FUNCTION_NAME": "`audit_lib`: set by Lambda, where a line may have 262,144 bytes.",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "`audit_lib`: `snap-start` if Lambda restores the process from a snapshot.",
    "AWS_LAMBDA_LOG_FORMAT": "`audit_lib`: set by Lambda, `JSON` if it filters lines by their level.",
    "AWS_LAMBDA_LOG_GROUP_NAME": "A function's process in the embedded cloud: set by it, as by Lambda.",
    "AWS_LAMBDA_LOG_LEVEL": "`audit_lib`: set by Lambda, the level below which it drops lines.",
    "AWS_LAMBDA_LOG_STREAM_NAME": "A function's process in the embedded cloud: set by it, as by Lambda.",
    "AWS_REGION": "`audit deploy`, `audit rules compare`, the forwarder: the Region.",
    "JSII_NODE": "`audit deploy`, `make`: the Node.js on which the CDK runs. Default: the one of the environment.",
    "OUTBOX_TABLE": "Forwarder: the table of what is to be notified, and was. Set by the stack.",
    "LOOKUP_SECONDS": "Forwarder: how long it waits for the records of an alarm. Default: 30.",
    "PATH": "`audit deploy`: searched for `cdk` and `node` where they are not installed beside the app.",
    "PYTEST_CURRENT_TEST": "`audit_lib`: set by pytest in a test, where an `AuditUsageWarning` is issued.",
    "MATCHER": "Router: the function that gets the rejected records. Set by the stack.",
    "TELLER": "Forwarder: the function that sends notifications. Set by the stack.",
    "REJECTED_QUEUE_URL": "Router: the queue of records that CloudWatch Logs rejected. Set by the stack.",
    "_X_AMZN_TRACE_ID": "`audit_lib.adapters.aws_lambda`: set by Lambda; becomes `trace.id`.",
}


class UndocumentedError(Exception):
    """A part of the program has no description, or a description has no part."""


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    return {
        "configuration.md": configuration(),
        "configure.md": configure(),
        "cli.md": commands(),
        "errors.md": errors(),
        "environment.md": environment(),
        "api.md": api(),
    }


def page(title: str, introduction: str, *parts: str) -> str:
    return "\n\n".join([MADE, f"# {title}", introduction, *parts]) + "\n"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    escaped = ([cell.replace("|", r"\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in escaped)


# ── audit.toml


def configuration() -> str:
    """The keys of `audit.toml`, from its JSON Schema."""
    sections = "\n\n".join(_sections("", json_schema()))
    return page(
        "Keys of `audit.toml`",
        "A key without a default is required. `NAME` stands for a name that you choose;"
        " `[[…]]` is a table that may be repeated.",
        sections,
    )


def _sections(path: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield a section for a table: its own keys, then a section for each table in it."""
    rows, inner = [], []
    for name, node in schema.get("properties", {}).items():
        place = f"{path}.{name}" if path else name
        if "description" not in node:
            raise UndocumentedError(
                f"{place}: has no meaning; write it into audit_rules/_config/_schema.py"
            )
        nested = _nested(node)
        if nested is None:
            default = "" if name in schema.get("required", ()) else node.get("default", "none")
            shown = f"`{default}`" if default not in {"", "none"} else default
            rows.append((f"`{name}`", _type(node), shown, node["description"]))
        else:
            inner.append((f"[[{place}]]" if node["type"] == "array" else place, node, nested))
    if rows:
        yield table(("key", "type", "default", "meaning"), rows)
    for place, node, nested in inner:
        title = place if place.startswith("[[") else f"[{place}]"
        yield from _titled(title, node["description"], nested)


def _titled(title: str, meaning: str, schema: Mapping[str, Any]) -> Iterator[str]:
    others = schema.get("additionalProperties")
    if not isinstance(others, dict):
        yield f"## `{title}`\n\n{meaning}"
        yield from _sections(title.strip("[]"), schema)
        return
    for form in others.get("anyOf", [others]):
        if form.get("type") != "object":
            yield f"## `{title}`\n\n{meaning} Each key is a name of yours, its value a {_type(form)}."
            continue
        named = f"{title.strip('[]')}.NAME"
        kind = form["properties"].get("type", {}).get("const")
        variant = f', `type = "{kind}"`' if kind else ""
        yield f"## `[{named}]`{variant}\n\n{meaning}"
        yield from _sections(named, form)


def _nested(node: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the table that a key holds; None for a value, and for a table of which any keys are taken."""
    table_ = node.get("items", {}) if node.get("type") == "array" else node
    has_keys = "properties" in table_ or isinstance(table_.get("additionalProperties"), dict)
    return table_ if table_.get("type") == "object" and has_keys else None


def _type(node: Mapping[str, Any]) -> str:
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        return " or ".join(f"`{each}`" for each in node["enum"])
    if node.get("type") == "array":
        most = f", at most {node['maxItems']}" if "maxItems" in node else ""
        return f"array of {_type(node['items'])}{most}"
    if node.get("type") == "integer":
        return f"integer, {node['minimum']:,} to {node['maximum']:,}"
    return str({"object": "table"}.get(node.get("type", ""), node.get("type", "any")))


# ── Python


def configure() -> str:
    """The arguments of `audit_lib.configure`."""
    audit_lib = importlib.import_module("audit_lib")
    return page(
        "Arguments of `audit_lib.configure`",
        "Called once, when a process starts. What is left out has its default.",
        _function(audit_lib.configure, "configure"),
    )


def errors() -> str:
    """The classes of errors, with what each means."""
    parts = []
    for package, name in ERROR_MODULES.items():
        module = importlib.import_module(name)
        found = [
            (cls_name, each)
            for cls_name, each in vars(module).items()
            if isinstance(each, type)
            and issubclass(each, BaseException)
            and each.__module__ == name
        ]
        parts.append(f"## `{package}`")
        found += list(_errors_elsewhere(package, known={cls for _, cls in found}))
        for cls_name, each in found:
            bases = ", ".join(f"`{base.__name__}`" for base in each.__bases__)
            parts.append(
                f"### `{cls_name}`\n\nBases: {bases}.\n\n{_text(each, f'{package}.{cls_name}')}"
            )
    return page(
        "Errors", "Each package has one base class of its exceptions; warnings are apart.", *parts
    )


def _errors_elsewhere(package: str, known: set[type]) -> Iterator[tuple[str, type]]:
    """Yield the errors of a package that are defined beside what raises them."""
    roots = [cls for cls in known if not any(base in known for base in cls.__bases__)]
    for path in sorted(_files(package)):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith(("Error", "Warning")):
                module = importlib.import_module(_module_name(path))
                found = getattr(module, node.name)
                if found not in known and issubclass(found, tuple(roots)):
                    yield node.name, found


def _files(package: str) -> Iterator[Path]:
    for folder in (ROOT, ROOT / "infra", ROOT / "lambda"):
        yield from (folder / package).rglob("*.py")


def _module_name(path: Path) -> str:
    for folder in (ROOT / "infra", ROOT / "lambda", ROOT):
        if path.is_relative_to(folder):
            parts = path.relative_to(folder).with_suffix("").parts
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    raise ValueError(path)


def environment() -> str:
    """The environment variables that the program reads, found in its source."""
    read: dict[str, set[str]] = {}
    for package in PRODUCT:
        for path in sorted((ROOT / package).rglob("*.py")):
            for name in _variables(path.read_text()):
                read.setdefault(name, set()).add(package)
    if read.keys() != VARIABLES.keys():
        raise UndocumentedError(
            f"environment variables: read and not described: {sorted(read.keys() - VARIABLES.keys())};"
            f" described and not read: {sorted(VARIABLES.keys() - read.keys())};"
            " see VARIABLES in docs/make_reference.py"
        )
    rows = (
        (f"`{name}`", ", ".join(f"`{each}`" for each in sorted(read[name])), meaning)
        for name, meaning in sorted(VARIABLES.items())
    )
    return page(
        "Environment variables",
        "boto3's and the CDK CLI's own variables (`AWS_PROFILE` and others) work as always.",
        table(("variable", "read by", "meaning"), rows),
    )


_MODULES: Final = re.compile(
    r"\b(?:typing|collections\.abc|audit_\w+(?:\.\w+)*|pathlib|datetime|os)\."
)
_UNPACKED: Final = re.compile(r"\*<class '(\w+)'>")  # how Python 3.11 shows it
_ENVIRON: Final = re.compile(
    r"""(?:os\.environ|environment)(?:\.get\(|\[)\s*"([A-Z_0-9]+)"|"([A-Z_0-9]+)"\s+(?:not\s+)?in\s+os\.environ|getenv\(\s*"([A-Z_0-9]+)"|envvar="([A-Z_0-9]+)\""""
)


def _variables(source: str) -> set[str]:
    return {next(filter(None, groups)) for groups in _ENVIRON.findall(source)}


def api() -> str:
    """What the public modules define, with signatures and docstrings."""
    return page("Public API", "What a module lists in `__all__`.", *_api_parts())


def _unlisted() -> set[str]:
    """Return the public modules of `audit_lib` that `PUBLIC` does not list."""
    rooms = ("adapters", "capture", "destinations", "testing")
    found = {
        _module_name(path)
        for room in rooms
        for path in (ROOT / "audit_lib" / room).glob("[!_]*.py")
    }
    return found - set(PUBLIC)


def _api_parts() -> Iterator[str]:
    if missing := _unlisted():
        raise UndocumentedError(f"{sorted(missing)}: add them to PUBLIC in docs/make_reference.py")
    for name in PUBLIC:
        module = importlib.import_module(name)
        yield f"## `{name}`\n\n{_text(module, name)}"
        for member in module.__all__:
            found = getattr(module, member)
            if isinstance(found, type):
                yield from _class(found, member, name)
            elif inspect.isroutine(found):
                yield _function(found, member)
            else:
                yield f"### `{member}`\n\nA `{type(found).__name__}`."


def _class(cls: type, name: str, module: str) -> Iterator[str]:
    if issubclass(cls, BaseException):
        yield f"### `{name}`\n\nSee [errors](errors.md)."
        return
    yield f"### class `{name}`\n\n{_text(cls, f'{module}.{name}')}"
    for member, found in vars(cls).items():
        function = found.__func__ if isinstance(found, classmethod | staticmethod) else found
        is_method = isinstance(function, property) or inspect.isfunction(inspect.unwrap(function))
        # One without a docstring is what the base class documents.
        if not member.startswith("_") and is_method and inspect.getdoc(function):
            yield _function(function, f"{name}.{member}", level="####")


def _function(function: Any, name: str, level: str = "###") -> str:
    if isinstance(function, property):
        return f"{level} `{name}`\n\n{_text(function, name)}"
    signature = _MODULES.sub("", str(inspect.signature(inspect.unwrap(function))))
    signature = _UNPACKED.sub(r"Unpack[\1]", signature)
    shown = f"```text\n{name.rpartition('.')[2]}{signature}\n```"
    return f"{level} `{name}`\n\n{shown}\n\n{_text(function, name)}"


_SECTION: Final = re.compile(r"^(Args|Attributes|Returns|Yields|Raises):$", re.MULTILINE)


def _text(thing: Any, name: str) -> str:
    """Return a docstring as Markdown: its sections become lists."""
    text = inspect.getdoc(thing)
    if not text:
        raise UndocumentedError(f"{name}: has no docstring")
    parts = _SECTION.split(text)
    shown = [parts[0].strip()]
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        entries = re.split(r"\n(?=    \S)", "\n" + body.strip("\n"))
        items = [re.sub(r"\s+", " ", each).strip() for each in entries if each.strip()]
        listed = [re.sub(r"^([\w*., ]+?): ", r"`\1`: ", item) for item in items]
        shown.append(f"{title}:\n\n" + "\n".join(f"- {item}" for item in listed))
    return "\n\n".join(shown)


# ── the command


def commands() -> str:
    """The commands and their options, from click."""
    return page("The `audit` command", _help(command), *_commands(command, "audit"))


def _commands(command: click.Command, path: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _commands(inner, f"{path} {name}")
        return
    arguments = " ".join(
        each.make_metavar(click.Context(command))
        for each in command.params
        if isinstance(each, click.Argument)
    )
    options = [each for each in command.params if isinstance(each, click.Option)]
    part = f"## `{f'{path} {arguments}'.strip()}`\n\n{_help(command)}"
    if options:
        rows = (
            (_option(each), _option_default(each), _option_help(each, path)) for each in options
        )
        part += f"\n\n{table(('option', 'default', 'meaning'), rows)}"
    yield part


def _help(command: click.Command) -> str:
    text = inspect.cleandoc(command.help or "").replace("\b\n", "")
    if not text:
        raise UndocumentedError(f"the command {command.name}: has no help")
    return text


def _option(option: click.Option) -> str:
    metavar = "" if option.is_flag else f" {option.make_metavar(click.Context(click.Command('x')))}"
    return ", ".join(f"`{each}{metavar}`" for each in option.opts)


def _option_default(option: click.Option) -> str:
    default = option.to_info_dict()["default"]
    variable = f" (`{option.envvar}`)" if option.envvar else ""
    return ("" if option.is_flag or default is None else f"`{default}`") + variable


def _option_help(option: click.Option, path: str) -> str:
    if not option.help:
        raise UndocumentedError(f"{path}: {option.opts[0]}: has no help")
    return option.help


def main(*, check: bool) -> int:
    """Write the pages, or say which are not what the program says now."""
    try:
        made = pages()
    except UndocumentedError as error:
        print(f"make docs: {error}", file=sys.stderr)
        return 1
    wrong = [
        name for name, text in made.items()
        if not (FOLDER / name).is_file() or (FOLDER / name).read_text() != text
    ]  # fmt: skip
    wrong += [path.name for path in FOLDER.glob("*.md") if path.name not in made]
    if check:
        for name in wrong:
            print(
                f"docs/reference/{name}: is not what the program says; run `make docs`",
                file=sys.stderr,
            )
        return bool(wrong)
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.md"):
        path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
