"""Provides pytest fixtures for a team's own tests: its trail on the embedded cloud.

    def test_a_changed_phone_is_notified(audit_trail, capsys):
        shop.change_phone(user=7)
        audit_trail.put_lines("/app/shop", capsys.readouterr().out.splitlines())
        [post] = audit_trail.notifications("security-slack")
        assert "MFA phone number changed" in post["message"]["text"]

In the test process, boto3 calls the cloud without further arguments; other processes use
`AWS_ENDPOINT_URL`, which `audit_trail` sets. In pytest's configuration, `audit_app` is the folder of
`cdk.json`, and `audit_config` the trail's configuration in it.
"""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from audit_ops.world import World


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini options `audit_app` and `audit_config`."""
    parser.addini(
        "audit_app", "folder of the CDK app's cdk.json, relative to pytest's rootdir", default="."
    )
    parser.addini(
        "audit_config", "configuration of the trail, relative to that folder", default="audit.toml"
    )


@pytest.fixture(scope="session")
def audit_world(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[World]":
    """Start an embedded cloud and deploy the trail, once per session; tests share its state."""
    try:
        from audit_ops.world import World
    except ModuleNotFoundError as error:
        pytest.fail(
            f"{error.name} is not installed; install the extra of audit_trail: pip install 'audit-lib[ops]'",
            pytrace=False,
        )
    from audit_ops.rollout.synthesis import synthesize
    from audit_rules import load_config

    app: Path = pytestconfig.rootpath / pytestconfig.getini("audit_app")
    config: str = pytestconfig.getini("audit_config")
    assembly = synthesize(app, tmp_path_factory.mktemp("cdk.out"), config=config)
    with World() as world:
        world.prepare(load_config(app / config))
        world.cloud.deploy(assembly)
        world.cloud.settle()
        yield world


@pytest.fixture
def audit_trail(audit_world: "World", monkeypatch: pytest.MonkeyPatch) -> "World":
    """Return the cloud of `audit_world` when no alarm is in ALARM, without faults and with empty receivers.

    During the test, `AWS_ENDPOINT_URL` has the address of the cloud.
    """
    monkeypatch.setenv("AWS_ENDPOINT_URL", audit_world.cloud.endpoint)
    audit_world.wait_until_quiet()
    return audit_world
