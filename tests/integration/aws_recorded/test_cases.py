"""The embedded cloud against AWS's recorded responses, and bare moto for the table."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloud import LocalCloud
from tests.integration.aws_recorded.cases import CASES, Aws

ROOT = Path(__file__).parents[3]
BARE_MOTO = """
import json, time
import boto3
from moto import mock_aws
from tests.integration.aws_recorded.cases import CASES, Aws
client = lambda service: boto3.client(service, region_name="eu-west-1")
good = []
for name, case in CASES.items():
    with mock_aws():
        try:
            case(Aws(client, lambda seconds: None, time.time))
        except Exception:
            continue
        good.append(name)
print(json.dumps(good))
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with LocalCloud() as cloud:

        def advance(seconds: float) -> None:
            cloud.advance(seconds)
            cloud.settle()

        yield Aws(cloud.client, advance, cloud.clock.now)


@pytest.mark.parametrize("name", CASES)
def test_it_answers_as_aws_does(aws: Aws, name: str) -> None:
    CASES[name](aws)


def test_the_readme_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bare moto runs in a process of its own: nothing of the embedded cloud is in it."""
    run = subprocess.run(
        [sys.executable, "-c", BARE_MOTO], cwd=ROOT, capture_output=True, text=True, check=True,
        env={"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "PATH": "", "PYTHONPATH": "."},
    )  # fmt: skip
    bare = len(json.loads(run.stdout.splitlines()[-1]))
    readme = (ROOT / "local_cloud/README.md").read_text()
    found = re.search(
        r"\| answers recorded from AWS \| (\d+) of (\d+) \| (\d+) of (\d+) \|", readme
    )
    assert found is not None
    assert [int(number) for number in found.groups()] == [len(CASES), len(CASES), bare, len(CASES)]
