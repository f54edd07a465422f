"""Patches moto's SES: checks raw messages, and adds production access and the suppression list."""

import json
import logging
from functools import partial
from typing import Any
from urllib.parse import unquote

from moto.ses.models import SESBackend, ses_backends
from moto.sesv2.responses import SESV2Response
from moto.sesv2.urls import url_paths

from local_cloud.hooks._protocol import HookedCloud
from local_cloud.hooks.patches import Patches
from local_cloud.services.mail_rules import (
    ConfigurationSetError,
    check_message,
    configuration_sets,
    recipients_of,
)

__all__ = ["install"]

_PATHS = (
    "{0}/v2/email/account$",
    "{0}/v2/email/account/details$",
    "{0}/v2/email/suppression/addresses$",
    "{0}/v2/email/suppression/addresses/(?P<EmailAddress>[^/]+)$",
)

log = logging.getLogger(__name__)


def install(patches: Patches, cloud: HookedCloud) -> None:
    """Check raw messages as SES does, and send those that it accepts by SMTP.

    An account begins in the sandbox; `PutAccountDetails` gives it production access at once, where AWS
    decides about it. Recipients on the suppression list receive nothing.
    """
    _messages(patches, cloud)
    _account(patches, cloud)


def _messages(patches: Patches, cloud: HookedCloud) -> None:
    def send_raw_email(
        backend: SESBackend, source: str, destinations: list[str], raw_data: str
    ) -> Any:
        data = raw_data.encode()
        recipients = recipients_of(destinations, data)
        check_message(backend, source, recipients, data, production=cloud.mails.production_access)
        sent = original_send(backend, source, [], raw_data)  # moto adds those of the headers
        suppressed = [each for each in recipients if each.lower() in cloud.mails.suppressed]
        for each in suppressed:
            log.warning("SES does not send to %s, which is on the suppression list", each)
        cloud.mails.send(source, [e for e in recipients if e not in suppressed], raw_data)
        return sent

    original_send = patches.replace(
        SESBackend, "send_raw_email", "self source destinations raw_data", send_raw_email
    )

    def send_email(response: SESV2Response) -> Any:
        given = json.loads(response.body)
        backend = ses_backends[cloud.account][cloud.region]
        sender = given.get("FromEmailAddress", "")
        for name in configuration_sets(backend, sender, given.get("ConfigurationSetName")):
            if name not in backend.config_sets:
                raise ConfigurationSetError(
                    "NotFoundException", f"Configuration set <{name}> does not exist."
                )
        return original_answer(response)

    original_answer = patches.replace(SESV2Response, "send_email", "self", send_email)


def _account(patches: Patches, cloud: HookedCloud) -> None:
    def get_account(response: SESV2Response) -> str:
        del response
        return json.dumps({
            "ProductionAccessEnabled": cloud.mails.production_access,
            "SendingEnabled": True,
            "EnforcementStatus": "HEALTHY",
        })  # fmt: skip

    def put_account_details(response: SESV2Response) -> str:
        given = json.loads(response.body)
        cloud.mails.production_access = bool(given.get("ProductionAccessEnabled"))
        return "{}"

    def put_suppressed_destination(response: SESV2Response) -> str:
        given = json.loads(response.body)
        cloud.mails.suppressed[given["EmailAddress"].lower()] = given["Reason"]
        return "{}"

    def delete_suppressed_destination(response: SESV2Response) -> str:
        cloud.mails.suppressed.pop(unquote(response.path.rpartition("/")[2]).lower(), None)
        return "{}"

    def list_suppressed_destinations(response: SESV2Response) -> str:
        del response
        found = [
            {"EmailAddress": name, "Reason": reason, "LastUpdateTime": cloud.clock.now()}
            for name, reason in cloud.mails.suppressed.items()
        ]
        return json.dumps({"SuppressedDestinationSummaries": found})

    for operation in (
        get_account,
        put_account_details,
        put_suppressed_destination,
        delete_suppressed_destination,
        list_suppressed_destinations,
    ):
        patches.add(SESV2Response, operation.__name__, operation)
    for path in _PATHS:  # the server finds no operation without them
        url_paths[path] = SESV2Response.dispatch
        patches.later(partial(_remove_path, path))


def _remove_path(path: str) -> None:
    del url_paths[path]
