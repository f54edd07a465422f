"""A type of channel is four files of one name; all others find it by that name."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import make_reference
import pytest

import audit_rules.channels
import forwarder.channels
import local_cloud.receivers
from audit_infra import assets
from audit_ops.rules.preview import preview
from audit_ops.world import World
from audit_rules import ConfigError, json_schema, load_config, parse_config
from audit_rules.channels import channel_types
from local_cloud.receivers import receiver_types
from tests.synthesis import synthesize

ROOT = Path(__file__).parents[2]

IN_RULES = '''
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar
from audit_rules._reading import checks
from audit_rules.channels import Channel, Grant

@dataclass(frozen=True, slots=True, kw_only=True)
class BoardChannel(Channel):
    """A table that a wall display reads."""
    TYPE: ClassVar[str] = "board"
    KEYS = MappingProxyType({"table": "The DynamoDB table."})
    table: str

    @classmethod
    def read(cls, table, name):
        return cls(name=name, table=table.text("table", checks.line(40)))

    @property
    def grants(self):
        return (Grant(service="dynamodb", actions=("dynamodb:PutItem",), resources=(f"table/{self.table}",)),)

CHANNEL = BoardChannel
'''
IN_FORWARDER = """
from forwarder.channels import SendResult, SendStatus

class Board:
    def __init__(self, channel, dynamodb):
        self.channel, self.dynamodb = channel, dynamodb

    def send(self, notification, *, is_plain=False):
        self.dynamodb.put_item(TableName=self.channel.table, Item={"id": {"S": notification.summary}})
        return SendResult(SendStatus.SENT)

def open_channel(channel, client):
    return Board(channel, client("dynamodb"))

def preview(channel, notification):
    return {"id": {"S": notification.summary}}
"""
IN_RECEIVERS = """
import html
from local_cloud.receivers import ReceivedMessage, Receiver

class BoardReceiver(Receiver):
    STYLE = ".board{color:red}"
    address = "none"
    def __enter__(self): return self
    def __exit__(self, *_): pass
    @staticmethod
    def prepare(client, address, channel):
        client("dynamodb").create_table(
            TableName=channel.table, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])
    rule = title = text = staticmethod(lambda original: original["id"]["S"])
    html = staticmethod(lambda original: html.escape(original["id"]["S"]))
    file = staticmethod(lambda original: (".txt", b""))
    as_json = staticmethod(lambda original: original)

RECEIVER = BoardReceiver
"""
CHANNEL_TOML = '[channels.wall]\ntype = "board"\ntable = "wall-display"\n\n[actions.'


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The sources with one more type of channel."""
    for name in ("audit_rules", "audit_lib", "lambda"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "receivers").mkdir()
    for package, folder, text in (
        (audit_rules.channels, tmp_path / "audit_rules/channels", IN_RULES),
        (forwarder.channels, tmp_path / "lambda/forwarder/channels", IN_FORWARDER),
        (local_cloud.receivers, tmp_path / "receivers", IN_RECEIVERS),
    ):
        (folder / "board.py").write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    monkeypatch.setattr(assets, "_ROOT", tmp_path)
    for found in (channel_types, receiver_types):
        found.cache_clear()
    yield tmp_path
    for found in (channel_types, receiver_types):
        found.cache_clear()
    for package in (audit_rules.channels, forwarder.channels, local_cloud.receivers):
        sys.modules.pop(f"{package.__name__}.board", None)
        vars(package).pop("board", None)


def test_one_more_type_is_found_everywhere(tree: Path, tmp_path: Path) -> None:
    text = (ROOT / "audit.toml").read_text().replace("[actions.", CHANNEL_TOML, 1)
    text = text.replace('["finance-slack", "finance-email"]', '["wall"]')
    path = tmp_path / "audit.toml"
    path.write_text(text)
    config = load_config(path)

    forms = json_schema()["properties"]["channels"]["additionalProperties"]["anyOf"]
    assert {form["properties"]["type"]["const"] for form in forms} == {"board", "email", "slack"}
    with pytest.raises(
        ConfigError, match=r'found "bord", which is not a known channel type; did you mean "board"'
    ):
        parse_config(text.replace('"board"', '"bord"'))

    [shown] = preview(config, config.rule("large-refund"))
    assert (shown.channel, "Large refund" in shown.html) == ("wall", True)
    assert '## `[channels.NAME]`, `type = "board"`' in make_reference.configuration()

    template = synthesize(path, tmp_path / "cdk.out")
    granted = [s for s in template.statements() if "wall-display" in json.dumps(s)]
    assert [s["Action"] for s in granted] == ["dynamodb:PutItem"]

    with World() as world:
        world.prepare(config)
        world.cloud.deploy(template.folder)
        world.cloud.settle()
        record = {"record_type": "order", "record_id": "311", "after": {"refunded": 1200}}
        line = {"log": {"logger": "shop.audit"}, "event": {"id": "1", "action": "order-refunded"}}
        world.put_lines("/app/shop", [json.dumps(line | {"message": "m", "changes": record})])
        items = world.cloud.client("dynamodb").scan(TableName="wall-display")["Items"]
        assert items == [{"id": {"S": "Large refund: Order 311"}}]


def test_each_type_has_its_four_files() -> None:
    rooms = ("audit_rules/channels", "lambda/forwarder/channels", "local_cloud/receivers")
    for room in rooms:
        files = {path.stem for path in (ROOT / room).glob("*.py") if not path.stem.startswith("_")}
        assert files == set(channel_types()), room
    tests = {
        path.stem.removeprefix("test_") for path in (ROOT / "tests/unit/channels").glob("*.py")
    }
    assert tests == set(channel_types())
    for name, channel in channel_types().items():
        assert name == channel.TYPE


def test_no_other_file_names_a_type() -> None:
    """Shipped configurations and the demo's story aside, a type stands in its own four files."""
    named = [
        str(path.relative_to(ROOT))
        for folder in ("audit_rules", "audit_ops", "infra", "lambda", "local_cloud")
        for path in (ROOT / folder).rglob("*.py")
        if path.stem not in channel_types()
        for name in channel_types()
        if f"channels.{name}" in path.read_text() or f"receivers.{name}" in path.read_text()
    ]
    assert named == [
        "lambda/forwarder/stages/render.py"
    ]  # Slack's limit of fields: the lowest of all
