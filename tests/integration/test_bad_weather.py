"""The deployed trail in bad weather: nothing is lost, and nothing is told twice without the mark."""

import itertools
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from email.message import EmailMessage

import pytest

from audit_ops.world import World
from audit_rules import load_config
from tests.deployed_trail import DeployedTrail, named, phone_change
from tests.synthesis import ROOT, Template

MARK = "perhaps a repeat"
IDS = (f"w{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def deployed(template: Template) -> Iterator[World]:
    with World() as local:
        local.prepare(load_config(ROOT / "audit.toml"))
        local.cloud.deploy(template.folder)
        local.cloud.settle()
        yield local


@pytest.fixture
def trail(deployed: World) -> DeployedTrail:
    deployed.wait_until_quiet()
    return DeployedTrail(deployed)


def told(messages: Iterable[tuple[list[str], bool]]) -> dict[str, list[bool]]:
    """Return, by record, whether each of its messages has the mark."""
    found: dict[str, list[bool]] = defaultdict(list)
    for ids, is_marked in messages:
        for id_ in ids:
            found[id_].append(is_marked)
    return dict(found)


def by_slack(trail: DeployedTrail) -> dict[str, list[bool]]:
    return told((named(post), MARK in post["text"]) for post in trail.slack.originals)


def by_mail(trail: DeployedTrail) -> dict[str, list[bool]]:
    return told((mailed(mail), MARK in mail["Subject"]) for mail in trail.mail.originals)


def mailed(mail: EmailMessage) -> list[str]:
    body = mail.get_body(("plain",))
    assert body is not None
    return re.findall(r"changed User (\S+)", body.get_content())


ONCE = [False]
WITH_A_MARKED_COPY = [False, True]


def test_slack_is_down_for_ten_minutes_and_the_record_is_told_afterwards_once(
    deployed: World, trail: DeployedTrail
) -> None:
    fault = deployed.fault(service="slack", answer=503, seconds=600)
    trail.put(phone_change(id_ := next(IDS)))
    assert by_mail(trail) == {id_: ONCE}
    trail.cloud.advance(590)
    assert by_slack(trail) == {}
    assert fault.struck >= 8  # after 1, 2, 4 … seconds
    trail.cloud.advance(900)
    assert by_slack(trail) == by_mail(trail) == {id_: ONCE}


def test_slack_says_when_to_try_again(deployed: World, trail: DeployedTrail) -> None:
    fault = deployed.fault(service="slack", answer=429, retry_after=120, count=1)
    trail.put(phone_change(id_ := next(IDS)))
    trail.cloud.advance(100)
    assert (by_slack(trail), fault.struck) == ({}, 1)
    trail.cloud.advance(80)
    assert by_slack(trail) == {id_: ONCE}


def test_ses_throttles_for_three_minutes_and_the_mail_is_sent_once(
    deployed: World, trail: DeployedTrail
) -> None:
    fault = deployed.fault(service="ses", answer="throttling", seconds=180)
    trail.put(phone_change(id_ := next(IDS)))
    trail.cloud.advance(120)
    assert (by_slack(trail), by_mail(trail)) == ({id_: ONCE}, {})
    assert fault.struck > 3
    trail.cloud.advance(300)
    assert by_slack(trail) == by_mail(trail) == {id_: ONCE}


def test_dynamodb_throttles_while_records_are_matched(
    deployed: World, trail: DeployedTrail
) -> None:
    fault = deployed.fault(service="dynamodb", answer="throttling", seconds=90)
    trail.put(phone_change(id_ := next(IDS)))
    assert by_slack(trail) == by_mail(trail) == {}
    assert fault.struck > 1
    trail.cloud.advance(300)
    assert by_slack(trail) == by_mail(trail) == {id_: ONCE}


def test_the_router_cannot_write_for_three_minutes(deployed: World, trail: DeployedTrail) -> None:
    deployed.fault(service="logs", operation="PutLogEvents", answer=503, seconds=180)
    line = phone_change(id_ := next(IDS))
    trail.put(line)
    trail.cloud.advance(120)
    assert trail.kept() == []
    trail.cloud.advance(180)
    assert trail.kept() == [json.dumps(line)]
    assert by_slack(trail) == by_mail(trail) == {id_: ONCE}


@pytest.mark.parametrize("service", ["slack", "email"])
def test_a_message_that_was_accepted_and_not_answered_is_sent_again_with_the_mark(
    deployed: World, trail: DeployedTrail, service: str
) -> None:
    deployed.fault(service=service, answer="late", count=1)
    trail.put(phone_change(id_ := next(IDS)))
    trail.cloud.advance(120)
    expected = {id_: WITH_A_MARKED_COPY}, {id_: ONCE}
    found = by_slack(trail), by_mail(trail)
    assert (found if service == "slack" else found[::-1]) == expected


def test_a_teller_is_killed_at_any_call_and_a_copy_has_the_mark(
    deployed: World, trail: DeployedTrail
) -> None:
    """One of the calls is the first after a message was sent, which marks its records as told."""
    ids = []
    for at_call in range(4, 8):
        ids.append(next(IDS))
        fault = deployed.fault(function="audit-teller", answer="killed", at_call=at_call, count=1)
        trail.put(phone_change(ids[-1]))
        assert fault.struck == 1
        trail.cloud.advance(600)  # until the door is free again
    assert list(by_slack(trail)) == list(by_mail(trail)) == ids
    found = [*by_slack(trail).values(), *by_mail(trail).values()]
    assert WITH_A_MARKED_COPY in found
    assert [marks for marks in found if not all(marks[1:])] == []


def test_the_matcher_fails_twice_and_the_record_is_told_once_by_the_way_of_the_alarm(
    deployed: World, trail: DeployedTrail
) -> None:
    failing = deployed.fault(function="audit-matcher", answer="error", count=1)
    hanging = deployed.fault(function="audit-matcher", answer="timeout", count=1)
    trail.put(phone_change(id_ := next(IDS)))
    assert (failing.struck, hanging.struck) == (1, 0)
    assert by_slack(trail) == by_mail(trail) == {id_: ONCE}
    trail.cloud.advance(600)
    assert hanging.struck == 1
    assert by_slack(trail) == by_mail(trail) == {id_: ONCE}
