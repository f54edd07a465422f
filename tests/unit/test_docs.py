"""The code in README and docs runs, and the configuration that they show can be read."""

import re
import tomllib
from pathlib import Path

import pytest

import audit_lib
from audit_rules import FilterPattern, parse_config, review

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PYTHON = [
    pytest.param(code, id=f"{page.name}-{number}")
    for page in PAGES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]


@pytest.mark.filterwarnings("ignore::audit_lib.AuditUsageWarning")  # which a page shows
@pytest.mark.parametrize("code", PYTHON)
def test_the_python_on_a_page_runs(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    if "boto3" in code or "audit_lib.destinations" in code:
        _run_on_moto(code, monkeypatch)
        return
    exec(compile(code, "page", "exec"), {"__name__": "page"})
    audit_lib.configure(catalogue=None)


def _run_on_moto(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from moto import mock_aws

    from audit_lib.destinations._batching import BatchingHandler

    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "eu-west-1")
    with mock_aws():
        boto3.client("logs").create_log_group(logGroupName="/audit/shop")
        page: dict[str, object] = {"__name__": "page"}
        exec(compile(code, "page", "exec"), page)
        for logger in (audit_lib.get_logger(name).audit for name in ("shop", "shop.orders")):
            for handler in logger.handlers[:]:
                assert isinstance(handler, BatchingHandler)
                handler.flush()
                handler.close()
                logger.removeHandler(handler)


@pytest.mark.parametrize("code", re.findall(r"```toml\n(.*?)```", README, re.DOTALL))
def test_the_readmes_rules_are_the_ones_of_audit_toml(code: str) -> None:
    [shown] = tomllib.loads(code)["rules"]
    rules = tomllib.loads((ROOT / "audit.toml").read_text())["rules"]
    [real] = [rule for rule in rules if rule["id"] == shown["id"]]
    assert shown.items() <= real.items()
    FilterPattern(shown["pattern"])


TEXTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("*/*.md")),
]


@pytest.mark.parametrize("page", sorted(set(TEXTS)), ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/runbook.md"])
def test_every_make_target_of_a_page_exists(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    found = set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", (ROOT / name).read_text(), re.MULTILINE))
    assert found
    assert not [target for target in found if f"\n{target}:" not in makefile and target != "alone"]


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md"])
def test_every_path_of_a_page_exists(name: str) -> None:
    named = re.findall(r"`((?:[a-z_]+/)+[a-z_.]*)`", (ROOT / name).read_text())
    assert named
    assert not [path for path in named if not (ROOT / path).exists()]


def test_the_map_of_contributing_is_the_one_that_is_held() -> None:
    from tests.unit.test_layers import ALLOWED

    rows = re.findall(
        r"^\| `([a-z_/]+)/` \| [^|]+ \| (.+) \|$",
        (ROOT / "CONTRIBUTING.md").read_text(),
        re.MULTILINE,
    )
    shown = {
        room: {each.partition(".")[0] for each in re.findall(r"`([a-z_.]+)`", text)}
        for room, text in rows
    }
    held = {room: allowed - {room.rpartition("/")[2]} for room, allowed in ALLOWED.items()}
    assert shown == {room: held[room] for room in shown}
    assert set(shown) == {room for room in held if (ROOT / room).is_dir()} - {"examples"}


def test_the_page_about_rules_shows_valid_actions_and_labels() -> None:
    page = (ROOT / "docs" / "rules.md").read_text()
    [shown] = [
        block for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "[labels]" in block
    ]
    text = f"""
[audit]
name = "audit"
time_zone = "UTC"
examples = "optional"
[sources]
log_groups = ["/app"]
[channels.a]
type = "slack"
webhook_secret = "a"
{shown}
[[rules]]
id = "a"
title = "T"
owner = "O"
severity = "low"
channels = ["a"]
pattern = '{{ $.event.action = "*" }}'
"""
    config = parse_config(text)
    assert config.rules[0].labels["iban"] == "IBAN"
    assert review(config) == ()
