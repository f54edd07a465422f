"""What the command cannot do is one sentence: what was found, where, what to do."""

import json
import socket
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from audit_ops.cli import main

ROOT = Path(__file__).parents[3]
CONFIG = str(ROOT / "audit.toml")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["rules", "test", "--config", CONFIG, "--junit", "/nowhere/x.xml"],
            "/nowhere/x.xml: No such file",
        ),
        (
            ["rules", "preview", "large-refund", "--config", CONFIG, "--output", "/proc/x"],
            "/proc/x: ",
        ),
        (
            ["rules", "test", "--config", CONFIG, "--junit", "x", "--against", "y"],
            "omit one of them",
        ),
        (["rules", "compare", "/nowhere"], "/nowhere: cannot be read"),
        (["rules", "explain", "large-refnd", "--config", CONFIG], "did you mean 'large-refund'?"),
    ],
)
def test_an_error_is_a_sentence(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    outcome = CliRunner().invoke(main, arguments)
    assert outcome.exit_code in {1, 2}
    assert said in outcome.output
    assert not isinstance(outcome.exception, OSError | KeyError | TypeError | ValueError)


@pytest.mark.parametrize(
    "case", [{"pattern": "ERROR", "messages": 5}, {"pattern": "ERROR", "messages": "abc"}, {"pattern": 5, "messages": []}]
)  # fmt: skip
def test_a_case_of_another_shape_is_named(tmp_path: Path, case: dict[str, object]) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps(case) + "\n")
    outcome = CliRunner().invoke(main, ["rules", "compare", str(path), "--region", "eu-west-1"])
    assert outcome.exit_code == 1
    assert "cases.jsonl:1: " in outcome.output
    assert 'write {"pattern": "…", "messages": ["…"]}' in outcome.output


def test_a_record_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "record"
    path.write_bytes(b'{"event": {"action": "\xff"}}')
    outcome = CliRunner().invoke(main, ["rules", "new", str(path), "--config", CONFIG])
    assert outcome.exit_code == 1
    assert (
        "the input is not UTF-8: found b'\\xff'; pass a line that audit_lib wrote" in outcome.output
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "is not an embedded cloud; choose another port with --port"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", "is not an embedded cloud"),
        (b"HTTP/1.1 501 No\r\nContent-Length: 0\r\n\r\n", "is not an embedded cloud"),
        (
            b'HTTP/1.1 504 Late\r\nContent-Length: 23\r\n\r\n{"error": "stop: late"}',
            "returned status 504 for /_cloud/stop",
        ),
    ],
)
def test_another_server_on_the_port_is_named(answer: bytes, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def respond() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=respond)
        thread.start()
        outcome = CliRunner().invoke(main, ["local", "down", "--port", str(port)])
        thread.join()
    assert (outcome.exit_code, f"the server on port {port} {said}" in outcome.output) == (1, True)


def test_an_action_without_a_category_asks_for_one(tmp_path: Path) -> None:
    path = tmp_path / "record"
    path.write_text('{"event": {"action": "export-made"}}')
    outcome = CliRunner().invoke(main, ["rules", "new", str(path), "--config", CONFIG])
    assert outcome.exit_code == 0, outcome.output
    assert (
        "category = []  # the record has no event.category: add one that ECS has" in outcome.output
    )


def test_each_summary_fits_into_80_columns() -> None:
    for group in ([], ["rules"], ["local"]):
        shown = CliRunner().invoke(main, [*group, "--help"], terminal_width=80).output
        commands = shown.partition("Commands:")[2]
        assert commands.strip()
        assert "..." not in commands, commands
