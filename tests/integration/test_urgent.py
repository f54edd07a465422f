"""An urgent rule on the embedded cloud: its records are sent when they arrive."""

import json
from collections.abc import Callable

from audit_ops.world import World
from audit_rules import parse_config
from tests.deployed_trail import DeployedTrail, phone_change
from tests.synthesis import ROOT, Template


def test_an_urgent_record_is_notified_at_once_and_not_again_by_its_alarm(
    synth: Callable[[str], Template],
) -> None:
    text = (ROOT / "audit.toml").read_text()
    text = text.replace('id = "mfa-phone-changed"', 'id = "mfa-phone-changed"\ndelivery = "urgent"')
    template = synth(text)
    subscription = template.one("Logs::SubscriptionFilter", FilterName="urgent")
    assert subscription["FilterPattern"] == (
        '{ $.changes.record_type = "user" && $.changes.fields.mfa_phone = "*" }'
    )
    with World() as local:
        local.prepare(parse_config(text))
        local.cloud.deploy(template.folder)
        local.cloud.settle()
        world = DeployedTrail(local)
        world.put(phone_change("first"))
        assert world.notified() == world.mailed() == ["first"]
        assert "a matching record arrived" in json.dumps(world.slack.originals)
        world.cloud.advance(600)
        assert world.notified() == world.mailed() == ["first"]
