"""`docs/reference/` is what the program says; what has no description is refused."""

from pathlib import Path

import make_reference
import pytest
from make_reference import UndocumentedError


def test_a_variable_that_is_read_is_described_and_one_that_is_not_read_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(make_reference.VARIABLES, "LOOKUP_SECONDS")
    monkeypatch.setitem(make_reference.VARIABLES, "NEVER_READ", "Nothing.")
    with pytest.raises(
        UndocumentedError, match=r"not described: \['LOOKUP_SECONDS'\].*not read: \['NEVER_READ'\]"
    ):
        make_reference.environment()


def test_a_key_without_a_meaning_is_refused() -> None:
    schema = {"properties": {"audit": {"type": "object", "properties": {"x": {"type": "string"}}}}}
    with pytest.raises(UndocumentedError, match="audit: has no meaning"):
        list(make_reference._sections("", schema))


def test_a_page_that_nobody_made_and_one_that_was_changed_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make_reference, "FOLDER", tmp_path)
    assert make_reference.main(check=False) == 0
    assert make_reference.main(check=True) == 0
    (tmp_path / "errors.md").write_text("changed")
    (tmp_path / "old.md").write_text("")
    assert make_reference.main(check=True) == 1
    said = capsys.readouterr().err
    assert "errors.md: is not what the program says; run `make docs`" in said
    assert "old.md" in said


def test_sections_of_a_docstring_become_lists() -> None:
    def example() -> None:
        """Do it.

        Args:
            a, b: the first
                line and the second.

        Raises:
            ValueError: never.
        """

    assert make_reference._text(example, "example") == (
        "Do it.\n\nArgs:\n\n- `a, b`: the first line and the second.\n\nRaises:\n\n- `ValueError`: never."
    )
