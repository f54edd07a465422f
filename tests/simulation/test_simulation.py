"""Random weather: each record is told exactly once, or in a named end state; and the faults that it must find."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from forwarder.door import Door, Doors
from forwarder.matcher import Matcher
from forwarder.outbox import Item, Key, Outbox, State
from forwarder.teller import Teller
from tests.simulation.fake_dynamodb import FakeDynamoDB
from tests.simulation.schedules import problems, schedule

_PART = 25


def failures(seeds: range) -> dict[int, list[str]]:
    found = {seed: problems(schedule(seed)) for seed in seeds}
    return {seed: each for seed, each in found.items() if each}


@pytest.mark.parametrize("first", range(0, 500, _PART))
def test_each_record_is_told_once_in_any_weather(first: int) -> None:
    assert failures(range(first, first + _PART)) == {}


@pytest.mark.large
@pytest.mark.parametrize("first", range(500, 10_500, 10 * _PART))
def test_each_record_is_told_once_in_much_weather(first: int) -> None:
    assert failures(range(first, first + 10 * _PART)) == {}


def put_without_condition(patch: pytest.MonkeyPatch) -> None:
    original = FakeDynamoDB.put_item

    def put_item(table: FakeDynamoDB, **given: Any) -> Any:
        return original(table, **given | {"ConditionExpression": ""})

    patch.setattr(FakeDynamoDB, "put_item", put_item)


def count_only_what_counts_still(patch: pytest.MonkeyPatch) -> None:
    original = Outbox.counted

    def counted(outbox: Outbox, *given: Any) -> dict[Key, int]:
        found = original(outbox, *given)
        states = outbox.read(found)
        return {key: at for key, at in found.items() if states[key].state is State.COUNTING}

    patch.setattr(Outbox, "counted", counted)


def batch_not_written(patch: pytest.MonkeyPatch) -> None:
    original = Doors.write

    def write(doors: Doors, door: Door, **changes: Any) -> Door:
        original(doors, door, **changes | {"batch": None})
        return replace(door, **changes)

    patch.setattr(Doors, "write", write)


def batch_not_sent_again(patch: pytest.MonkeyPatch) -> None:
    original = Doors.take

    def take(doors: Doors, *given: Any, **more: Any) -> Any:
        taken = original(doors, *given, **more)
        return taken and (replace(taken[0], batch=None), taken[1])

    patch.setattr(Doors, "take", take)


def back_off_for_each_record(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Teller, "_wait_until", lambda *_: True)


def what_waits_expires(patch: pytest.MonkeyPatch) -> None:
    original = Item.to_dynamodb
    patch.setattr(Item, "to_dynamodb", lambda item: original(item) | {"expires_at": {"N": "1"}})


def trust_the_index(patch: pytest.MonkeyPatch) -> None:
    def still_waiting(teller: Teller, keys: Any) -> list[Item]:
        return [replace(item, state=State.WAITING) for item in teller.outbox.read(keys).values()]

    patch.setattr(Teller, "_still_waiting", still_waiting)


def never_count_again(patch: pytest.MonkeyPatch) -> None:
    original = Matcher.count_again

    def count_again(matcher: Matcher) -> Any:
        vars(matcher)["_count"] = lambda _: []
        return original(matcher)

    patch.setattr(Matcher, "count_again", count_again)


def send_without_the_door(patch: pytest.MonkeyPatch) -> None:
    original = FakeDynamoDB.update_item

    def update_item(table: FakeDynamoDB, **given: Any) -> Any:
        condition = given["ConditionExpression"]
        if condition.startswith("attribute_not_exists(#owner)"):
            condition = ""
        return original(table, **given | {"ConditionExpression": condition})

    patch.setattr(FakeDynamoDB, "update_item", update_item)


@pytest.mark.large
@pytest.mark.parametrize(
    "mutant",
    [
        put_without_condition,
        count_only_what_counts_still,
        batch_not_written,
        batch_not_sent_again,
        back_off_for_each_record,
        what_waits_expires,
        trust_the_index,
        never_count_again,
        send_without_the_door,
    ],
)
def test_a_fault_is_found(
    monkeypatch: pytest.MonkeyPatch, mutant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    mutant(monkeypatch)
    # Two deliveries of a record have to put it at the same moment.
    slow = 0.2 if mutant is put_without_condition else None
    assert any(fails(seed, slow) for seed in range(300)), "no seed found it"


def fails(seed: int, slow: float | None) -> bool:
    try:
        return bool(problems(schedule(seed, slow=slow)))
    except Exception:  # noqa: BLE001 - also a way to be found
        return True
