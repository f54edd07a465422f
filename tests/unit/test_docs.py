"""The code in README and docs runs, and the configuration that they show can be read."""

import re
import tomllib
from pathlib import Path

import pytest

import audit_lib
from audit_rules import FilterPattern

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


def test_the_readmes_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", README)
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`?make ([a-z]+)", README)):
        assert f"\n{target}:" in makefile or target == "alone"
