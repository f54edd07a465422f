"""The rules of Amazon SES for raw messages: sandbox, identities, configuration sets, headers, size.

https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html
https://docs.aws.amazon.com/ses/latest/dg/send-email-raw.html
https://docs.aws.amazon.com/ses/latest/dg/quotas.html
"""

from collections.abc import Iterable
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import getaddresses, parseaddr
from typing import Final

from moto.core.exceptions import ServiceException
from moto.ses.exceptions import MessageRejectedError
from moto.ses.models import SESBackend

__all__ = [
    "ConfigurationSetError",
    "bare_address",
    "check_message",
    "configuration_sets",
    "identity_of",
    "recipients_of",
]

MAX_BYTES: Final = 10 * 1024 * 1024
MAX_LINE: Final = 998
MAX_RECIPIENTS: Final = 50
_SET_HEADER: Final = "X-SES-CONFIGURATION-SET"
# https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
_ONCE: Final = (
    "Bcc", "Cc", "Content-Type", "Date", "From", "In-Reply-To", "Message-ID", "MIME-Version",
    "References", "Reply-To", "Return-Path", "Sender", "Subject", "To",
)  # fmt: skip


class ConfigurationSetError(ServiceException):
    """A configuration set does not exist; SES's code in its API of version 2."""

    code = "NotFoundException"


def bare_address(text: str) -> str:
    """Return the address in `Name <address>`, or a text unchanged that has no name."""
    return parseaddr(text)[1] or text


def identity_of(backend: SESBackend, address: str) -> str | None:
    """Return the verified identity of an address: itself or its domain; None if there is none."""
    address = bare_address(address)
    names = (address, address.partition("@")[2])
    return next((name for name in names if name in backend.email_identities), None)


def recipients_of(destinations: Iterable[str], data: bytes) -> list[str]:
    """Return the recipients of a message: the given ones, or without them those of its headers."""
    given = [bare_address(each) for each in destinations]
    if not given:
        headers = _headers(data)
        named = [str(value) for name in ("To", "Cc", "Bcc") for value in headers.get_all(name, [])]
        given = [address for _, address in getaddresses(named) if address]
    return list(dict.fromkeys(given))


def configuration_sets(backend: SESBackend, sender: str, given: str | None) -> list[str]:
    """Return the configuration set of a message: the given one, or that of the sender's identity."""
    identity = backend.email_identities.get(identity_of(backend, sender) or "")
    default = getattr(identity, "configuration_set_name", None)
    return [name for name in (given or default,) if name]


def check_message(
    backend: SESBackend, source: str | None, recipients: list[str], data: bytes, *, production: bool
) -> None:
    """Check a raw message as SES does before it accepts it.

    Args:
        backend: moto's SES.
        source: the sender's address, or None for that of the header `From`.
        recipients: the addresses of the recipients.
        data: the message.
        production: whether the account has production access; without it, recipients must be verified.

    Raises:
        MessageRejectedError: SES rejects the message.
        ConfigurationSetError: the message's configuration set does not exist.
    """
    if len(data) > MAX_BYTES:
        raise MessageRejectedError(
            f"Message length is more than {MAX_BYTES} bytes long: '{len(data)}'."
        )
    headers = _headers(data)
    _check_headers(headers, data)
    senders = [address for _, address in getaddresses([str(headers["From"])])]
    _check_verified(backend, [*([source] if source else []), *senders])
    if not 1 <= len(recipients) <= MAX_RECIPIENTS:
        raise MessageRejectedError(f"Recipient count is not 1 to {MAX_RECIPIENTS}.")
    if not production:
        _check_verified(backend, recipients)
    for name in configuration_sets(backend, source or senders[0], headers[_SET_HEADER]):
        if name not in backend.config_sets:
            raise ConfigurationSetError(
                "NotFoundException", f"Configuration set <{name}> does not exist."
            )


def _check_verified(backend: SESBackend, addresses: Iterable[str]) -> None:
    missing = [bare_address(each) for each in addresses if identity_of(backend, each) is None]
    if missing:
        raise MessageRejectedError(
            "Email address is not verified. The following identities failed the check in region"
            f" {backend.region_name.upper()}: {', '.join(dict.fromkeys(missing))}"
        )


def _check_headers(headers: Message, data: bytes) -> None:
    """Check that a message has a sender, no header twice that may be there once, ASCII and short lines."""
    if "From" not in headers:
        raise MessageRejectedError("Missing required header 'From'.")
    for name in _ONCE:
        if len(headers.get_all(name, [])) > 1:
            raise MessageRejectedError(f"Duplicate header '{name}'.")
    head = data.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    if not head.isascii():
        raise MessageRejectedError("A header has characters that are not ASCII; encode it.")
    if max(map(len, data.splitlines()), default=0) > MAX_LINE:
        raise MessageRejectedError(f"A line is longer than {MAX_LINE} characters.")


def _headers(data: bytes) -> Message:
    return BytesHeaderParser(policy=compat32).parsebytes(data)
