"""The Lambda handlers of the three functions of the forwarder: `match`, `tell` and `check`.

All are invoked asynchronously. After an exception, Lambda retries twice and then sends the event to the
dead-letter queue.
"""

import json
from functools import cache
from typing import Any, Final
from uuid import uuid4

import boto3
from botocore.config import Config

from audit_rules import AuditConfig, load_config
from forwarder._settings import ForwarderSettings
from forwarder.channels import open_channels
from forwarder.check import Check, Marks
from forwarder.door import TIMEOUT_SECONDS, Doors
from forwarder.matcher import Matcher, Waker
from forwarder.notification import Reason
from forwarder.outbox import Key, Outbox
from forwarder.stages.evidence import Evidence
from forwarder.stages.read import Reader, found_records
from forwarder.stages.render import Renderer
from forwarder.teller import Teller
from forwarder.telling_log import TellingLog
from forwarder.triggers import DeliveredRecords, triggers_in

__all__ = ["check", "match", "tell"]

# A message that was not answered must not be sent again by boto3, unseen.
_ONCE: Final = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)


@cache
def _settings() -> ForwarderSettings:
    return ForwarderSettings.from_environment()


@cache
def _config() -> AuditConfig:
    return load_config(_settings().config_file)


@cache
def _dynamodb() -> Any:
    return boto3.client("dynamodb")


@cache
def _logs() -> Any:
    return boto3.client("logs")


@cache
def _outbox() -> Outbox:
    return Outbox(dynamodb=_dynamodb(), table=_settings().outbox_table)


@cache
def _waker() -> Waker:
    return Waker(lambda_client=boto3.client("lambda"), function=_settings().teller)


@cache
def _matcher() -> Matcher:
    return Matcher(config=_config(), outbox=_outbox(), wake=_waker().wake)


@cache
def _teller() -> Teller:
    settings, config, matcher = _settings(), _config(), _matcher()
    evidence = Evidence(region=settings.region, log_group=settings.audit_log_group)
    return Teller(
        config=config,
        outbox=_outbox(),
        doors=Doors(dynamodb=_dynamodb(), table=settings.outbox_table),
        renderer=Renderer(config=config, evidence=evidence),
        channels=open_channels(config, cache(lambda name: boto3.client(name, config=_ONCE))),
        notice=lambda channels, text, id_: matcher.notice(
            channels, text, reason=Reason.NOTICE, id_=id_
        ),
        wake=_waker().wake,
    )


@cache
def _check() -> Check:
    settings = _settings()
    return Check(
        config=_config(),
        reader=Reader(logs=_logs(), log_group=settings.audit_log_group),
        marks=Marks(dynamodb=_dynamodb(), table=settings.outbox_table),
        matcher=_matcher(),
        cloudwatch=boto3.client("cloudwatch"),
        lookup_seconds=settings.lookup_seconds,
    )


def match(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Put the delivered records that rules match into the outbox; return the number of items by state.

    An event of another form becomes a notice for all channels.
    """
    states: dict[str, int] = {}
    for trigger in triggers_in(event):
        if isinstance(trigger, DeliveredRecords):
            found = _matcher().match(found_records(trigger.records), reason=Reason.ARRIVED)
            states = {state: count for state, count in found.items() if count}
        else:
            text = (
                f"The matcher received an event of another form: {json.dumps(event, default=repr)}"
            )
            channels = _config().channels
            _matcher().notice(channels, text, reason=Reason.NOTICE, id_=f"matcher#{text}")
    print(json.dumps({"matcher": states}))  # noqa: T201
    return states


def tell(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Send what waits for the channel of the event; on a schedule, wake the function for each channel.

    Returns:
        The number of records by `SendStatus`, or the number of channels that were woken.
    """
    if "channel" not in event:
        return {"woken": len(_teller().sweep())}
    request_id = getattr(context, "aws_request_id", "")
    log = TellingLog(client=_logs, log_group=_settings().audit_log_group, request_id=request_id)
    try:
        counts = _teller().tell(
            str(event["channel"]),
            [Key.parse(text) for text in event.get("keys", ())],
            owner=f"{request_id}#{uuid4().hex}",  # Lambda may deliver an event twice at once
            left_ms=getattr(
                context, "get_remaining_time_in_millis", lambda: TIMEOUT_SECONDS * 1000
            ),
            log=log,
        )
    finally:
        log.close()
    print(json.dumps({"teller": event["channel"], "records": counts}))  # noqa: T201
    return dict(counts)


def check(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Check the alarms of the event, or those in ALARM; return the number of items by state.

    Raises:
        CheckError: a trigger failed; the others were handled.
    """
    checked = _check().run(triggers_in(event))
    states = {state: count for state, count in checked.states.items() if count}
    print(json.dumps({"check": states, "failures": checked.failures}))  # noqa: T201
    checked.raise_failures()
    return states
