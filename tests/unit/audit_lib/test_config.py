"""`get_config`: the configuration in force, which only `configure` changes."""

from collections.abc import Iterator

import pytest

import audit_lib


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    yield
    audit_lib.configure()


def test_the_defaults_are_in_force_without_any_configure() -> None:
    config = audit_lib.get_config()
    assert (config.on_failure, config.spool, config.max_bytes) == ("stderr", None, 16_384)
    assert (config.fsync, config.chain) == (False, True)
    assert dict(config.service) == dict(config.sensitive) == dict(config.actions) == {}


def test_what_was_configured_is_in_force() -> None:
    mask = audit_lib.Mask(keep=4)
    service = {"name": "shop"}
    audit_lib.configure(
        catalogue={"actions": {"login": {"category": ["authentication"], "on_failure": "raise"}}},
        on_failure="spool", spool="x.jsonl", max_bytes=8192, fsync=True, chain=False,
        sensitive={"iban": mask, "pin": None}, service=service, hash_key=b"0123456789abcdef",
    )  # fmt: skip
    service["name"] = "changed afterwards"
    config = audit_lib.get_config()
    assert (config.on_failure, config.spool, config.max_bytes) == ("spool", "x.jsonl", 8192)
    assert (config.fsync, config.chain) == (True, False)
    assert config.sensitive == {"iban": mask, "pin": None}
    assert config.service == {"name": "shop"}
    assert config.actions["login"].on_failure == "raise"
    assert "0123456789abcdef" not in repr(config)
    assert "on_failure='spool'" in repr(config)


def test_a_config_cannot_be_changed() -> None:
    config = audit_lib.get_config()
    with pytest.raises(AttributeError, match=r"call audit_lib\.configure"):
        config.chain = False
    with pytest.raises(AttributeError, match=r"call audit_lib\.configure"):
        del config.chain
    with pytest.raises(TypeError):
        config.service["name"] = "x"  # type: ignore[index]
    assert config.chain


def test_an_earlier_config_stays_what_it_was() -> None:
    before = audit_lib.get_config()
    audit_lib.configure(chain=False)
    assert before.chain
    assert audit_lib.get_config() is not before
