"""Faults that a reader found: what a record says is of one person, whole, and never raised."""

import contextvars
import json
import logging
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

import audit_lib
from audit_lib._context import Request

Lines = Callable[[], list[dict[str, Any]]]


@pytest.mark.parametrize("requested", [False, True])
def test_another_user_replaces_the_whole_user_in_a_request_too(
    logger: audit_lib.AppLogger, lines: Lines, requested: bool
) -> None:
    carla = {"id": "42", "name": "Carla", "email": "carla@example.com"}
    outer = Request({"user": carla}) if requested else audit_lib.context(user=carla)
    with outer, audit_lib.context(user={"id": "system"}):
        logger.audit.info("by the system")
    [line] = lines()
    assert line["user"] == {"id": "system"}
    assert line["related"]["user"] == ["system"]


@pytest.mark.parametrize("requested", [False, True])
def test_all_people_between_are_kept_and_found(
    logger: audit_lib.AppLogger, lines: Lines, requested: bool
) -> None:
    first = {"user": {"id": "1"}}
    outer = Request(first) if requested else audit_lib.context(**first)
    with outer:
        audit_lib.bind(on_behalf_of={"id": "2", "name": "Two"})
        with (
            audit_lib.context(on_behalf_of={"id": "3"}),
            audit_lib.context(on_behalf_of={"id": "4"}),
        ):
            logger.audit.info("done")
    audit_lib.clear()
    [line] = lines()
    assert line["user"]["id"] == "1"
    assert line["user"]["effective"] == {
        "id": "4",
        "via": [{"id": "2", "name": "Two"}, {"id": "3"}],
    }
    assert set(line["related"]["user"]) == {"1", "2", "Two", "3", "4"}


def test_a_block_may_end_in_another_context() -> None:
    """As FastAPI ends a dependency that yields, in a thread."""
    block = audit_lib.context(user={"id": "7"})
    contextvars.copy_context().run(block.__enter__)
    contextvars.copy_context().run(block.__exit__, None, None, None)


@pytest.mark.parametrize(
    "secret",
    [
        "Bearer\tabcdef123456", "Basic\nabcdef123456", "BEARER abcdef123456", "ASIAABCDEFGHIJKLMNOP",
        "AKIAABCDEFGHIJKLMNOP", "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHhZ\n-----END PRIVATE KEY-----",
        "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----",
        "postgres://u:pw1234@h/db", "aaaaaaaaaa.eyJhbGciOi.abc", "password=abc123", "token: abc123",
    ],
)  # fmt: skip
def test_each_known_form_of_a_secret_is_found(
    logger: audit_lib.AppLogger, lines: Lines, secret: str
) -> None:
    """The search is skipped for texts without a sign of one: each form has to have a sign."""
    logger.audit.record_updated("Rotated", "server", {"tls": ""}, {"tls": secret})
    logger.audit.event(f"got {secret} there", action="x")
    for line in lines():
        assert "***" in json.dumps(line)
        assert secret not in line["message"]
        assert secret != line.get("changes", {}).get("after", {}).get("tls")


def test_a_key_that_openssl_made_is_not_written(logger: audit_lib.AppLogger, lines: Lines) -> None:
    made = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519"], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.fail("openssl is missing: install it, as on any machine with Python's ssl")
    logger.audit.record_updated("Rotated", "server", {"tls": ""}, {"tls": made.stdout})
    assert made.stdout.splitlines()[1] not in json.dumps(lines())


def test_a_filter_that_changes_a_record_changes_no_other(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    def change(record: logging.LogRecord) -> bool:
        record.event["category"].append("database")  # type: ignore[attr-defined]
        return True

    logger.audit.addFilter(change)
    logger.audit.record_updated("Changed", "user", {"a": 1}, {"a": 2})
    logger.audit.removeFilter(change)
    logger.audit.record_updated("Changed", "user", {"a": 1}, {"a": 2})
    assert lines()[-1]["event"]["category"] == ["iam"]


@pytest.mark.filterwarnings("error")
def test_muting_needs_no_action_in_the_catalogue(logger: audit_lib.AppLogger, lines: Lines) -> None:
    audit_lib.configure(catalogue={"actions": {"login": {}}})
    logger.audit.mute()
    logger.audit.event("unheard", action="login")
    logger.audit.mute(0)  # type: ignore[arg-type]
    logger.audit.mute(0)  # type: ignore[arg-type]
    audit_lib.configure()
    found = lines()
    assert [line["event"]["action"] for line in found] == ["audit-muted", "audit-unmuted"]
    assert not [line for line in found if "labels" in line]


@pytest.mark.filterwarnings("ignore::audit_lib.AuditUsageWarning")
@pytest.mark.parametrize("level", ["WARNING", "nonsense", None, object()])
def test_log_writes_at_any_level(
    logger: audit_lib.AppLogger, lines: Lines, level: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logger.audit.log(level, "m %d", 5, extra={"order": 7})
    [line] = lines()
    assert (line["message"], line["order"]) == ("m 5", 7)
    assert line["log.level"] == ("warning" if level == "WARNING" else "info")
    assert "level: found" in line["labels"]["audit_problem"]
    assert line["log"]["origin"]["function"] == "test_log_writes_at_any_level"


def test_log_with_a_number_is_as_it_was(logger: audit_lib.AppLogger, lines: Lines) -> None:
    logger.audit.log(logging.ERROR, "m")
    logger.audit.log(logging.DEBUG, "unheard")
    [line] = lines()
    assert line["log.level"] == "error"
    assert "labels" not in line


@pytest.mark.filterwarnings("ignore::audit_lib.AuditUsageWarning")
def test_track_with_a_state_among_its_arguments_keeps_the_change_and_the_exception(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    user = {"a": 1}

    def change() -> None:
        with logger.audit.track("Changed", "user", user, before={"a": 0}, after=5):  # type: ignore[call-arg]
            user["a"] = 2
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        change()
    [line] = lines()
    assert line["changes"]["after"] == {"a": 2}
    assert line["event"]["outcome"] == "failure"
    assert "after (argument)" in line["labels"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"max_bytes": "x"}, "max_bytes: found str; write a number"),
        ({"max_bytes": 5000.5}, "max_bytes: found float; write a number"),
        ({"max_bytes": True}, "max_bytes: found bool; write a number"),
        ({"max_bytes": 4095}, "max_bytes: found 4095"),
        ({"max_bytes": 1_048_551}, "max_bytes: found 1048551"),
        ({"sensitive": ["a"]}, "sensitive: found list; write a mapping"),
        ({"sensitive": {5: None}}, "sensitive: found 5; write the name of a field"),
        ({"hash_key": "text, not bytes!"}, "hash_key: found str; write bytes"),
        ({"service": "shop"}, "service: found str; write a mapping"),
        ({"spool": 5}, "spool: found int; write a path"),
        ({"fsync": "no"}, "fsync: found str; write True or False"),
        ({"chain": 1}, "chain: found int; write True or False"),
        ({"catalogue": "a\0b"}, "embedded null"),
    ],
)
def test_configure_names_what_is_wrong_and_changes_nothing(
    arguments: dict[str, Any], said: str
) -> None:
    before = audit_lib.get_config()
    with pytest.raises(audit_lib.ConfigurationError, match=said):
        audit_lib.configure(**arguments)
    assert audit_lib.get_config() is before


@pytest.mark.parametrize("max_bytes", [4096, 4097, 1_048_549, 1_048_550])
def test_configure_takes_the_limits_themselves(max_bytes: int) -> None:
    audit_lib.configure(max_bytes=max_bytes)
    assert audit_lib.get_config().max_bytes == max_bytes
    audit_lib.configure()


def test_a_line_that_was_refused_leaves_no_gap_in_the_chain(tmp_path: Any) -> None:
    path = tmp_path / "log"
    audit = audit_lib.get_logger("shop-refused").audit
    with path.open("w") as file:
        audit.handlers = [audit_lib.AuditHandler(file)]
        audit.info("first")
        flush, file.flush = file.flush, lambda: (_ for _ in ()).throw(OSError("full"))  # type: ignore[method-assign]
        audit.info("refused")
        file.flush = flush  # type: ignore[method-assign]
        audit.info("third")
        audit.handlers = []
    report = audit_lib.verify(path.read_bytes().splitlines())
    assert report.problems == ()
    messages = [json.loads(line)["message"] for line in path.read_text().splitlines()]
    assert messages[-2:] == ["first", "third"]


def test_an_exceptions_text_is_searched_for_the_secrets_of_the_record(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    logger.audit.event(
        "m", action="x", extra={"password": "hunter22"}, exc_info=ValueError("hunter22")
    )
    assert "hunter22" not in json.dumps(lines())


def test_the_target_is_among_the_related_people(logger: audit_lib.AppLogger, lines: Lines) -> None:
    with audit_lib.context(user={"id": "7"}):
        logger.audit.event("m", action="x", target={"id": "8", "name": "Ben"})
    [line] = lines()
    assert line["related"]["user"] == ["7", "8", "Ben"]


@pytest.mark.filterwarnings("ignore::audit_lib.AuditUsageWarning")
def test_a_secret_in_what_is_wrong_is_not_written(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    logger.audit.event("m", action="x", outcome="token=abcdef99", category="password=abcdef99")  # type: ignore[arg-type]
    assert "abcdef99" not in json.dumps(lines())
