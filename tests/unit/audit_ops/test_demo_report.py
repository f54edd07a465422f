"""The folder of the demo: files of an earlier run are deleted, no others."""

import json
from pathlib import Path

import pytest

from audit_ops.demo.report import files_of_earlier_run
from audit_ops.demo.shop import DemoError


def test_a_new_or_empty_folder_has_no_files(tmp_path: Path) -> None:
    assert files_of_earlier_run(tmp_path) == files_of_earlier_run(tmp_path / "new") == []


@pytest.mark.parametrize("summary", [None, "no JSON", "[]", "5", '{"files": ["a.txt"]}'])
def test_a_folder_with_other_files_is_rejected(tmp_path: Path, summary: str | None) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    if summary is not None:
        (tmp_path / "summary.json").write_text(summary)
    with pytest.raises(DemoError, match="contains files that are not those of an earlier run"):
        files_of_earlier_run(tmp_path)


def test_only_files_of_the_earlier_run_in_the_folder_are_named(tmp_path: Path) -> None:
    names = ["index.html", "01-slack-a.json", "../passwd", "/etc/passwd"]
    summary = {"notifications_by_channel": {}, "files": names}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    assert files_of_earlier_run(tmp_path) == [tmp_path / name for name in names[:2]]
