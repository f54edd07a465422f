"""The sentence of an action, filled from a record, whatever the record holds."""

from typing import Any

import pytest

from audit_rules import Sentence

RECORD: dict[str, Any] = {
    "user": {"id": "7", "name": "Ana Souza", "target": {"name": "Li Wei"}},
    "changes": {
        "record_type": "user",
        "record_id": "1042",
        "after": {"roles": ["admin"], "n": None},
    },
}


@pytest.mark.parametrize(
    ("sentence", "record", "expected"),
    [
        ("{actor} changed {record}", RECORD, "Ana Souza changed User 1042"),
        ("{actor} asked {target}", RECORD, "Ana Souza asked Li Wei"),
        ("{target}", {"changes": RECORD["changes"]}, "User 1042"),
        ("{changes.after.roles}, {changes.after.n}, {a.b}", RECORD, '["admin"], nothing, nothing'),
        ("{actor}", {"user": {"email": "a@b.example"}}, "a@b.example"),
        ("{actor}", {"user": {"id": 7, "effective": {"name": "Max"}}}, "User 7 (as Max)"),
        (
            "{actor} changed {record}",
            {"user": "root", "changes": []},
            "Somebody unknown changed a record",
        ),
        ("{actor}", {"user": {"name": "{record}"}}, "{record}"),
        ("no placeholder", {}, "no placeholder"),
    ],
)
def test_a_sentence_is_filled(sentence: str, record: dict[str, Any], expected: str) -> None:
    assert Sentence(sentence).problem() is None
    assert Sentence(sentence).render(record, {"user": "User"}) == expected
