"""An embedded cloud for each test, and assemblies to deploy to it."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud import LocalCloud

Resources = dict[str, Any]


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `caplog` hear the cloud's loggers, whatever tests of the same process configured before."""
    monkeypatch.setattr(logging.root.manager, "disable", logging.NOTSET)
    for name, logger in logging.root.manager.loggerDict.items():
        if name.partition(".")[0] == "local_cloud" and isinstance(logger, logging.Logger):
            monkeypatch.setattr(logger, "disabled", False)
            monkeypatch.setattr(logger, "propagate", True)
            logger.setLevel(logging.NOTSET)


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud() as cloud:
        yield cloud


@pytest.fixture
def assemble(tmp_path: Path) -> Callable[[Resources, str], Path]:
    """Write a cloud assembly with one function's code, as `cdk synth` does."""

    def write(resources: Resources, code: str = "") -> Path:
        asset = tmp_path / "asset.1"
        asset.mkdir(exist_ok=True)
        (asset / "app.py").write_text(code)
        manifest = {
            "artifacts": {
                "S": {
                    "type": "aws:cloudformation:stack",
                    "properties": {"templateFile": "S.template.json"},
                }
            }
        }
        destination = {"bucketName": "assets-${AWS::AccountId}", "objectKey": "1.zip"}
        assets = {
            "files": {
                "1": {
                    "source": {"path": "asset.1", "packaging": "zip"},
                    "destinations": {"d": destination},
                }
            }
        }
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        (tmp_path / "S.assets.json").write_text(json.dumps(assets))
        (tmp_path / "S.template.json").write_text(json.dumps({"Resources": resources}))
        return tmp_path

    return write
