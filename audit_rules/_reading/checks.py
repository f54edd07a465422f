"""Checks the values of `audit.toml`: each check returns what is wrong and what to do, or None.

The values become names of AWS resources, headers of e-mails and text of notifications, so
the checks of names allow known characters instead of rejecting dangerous ones.
"""

import re
from collections.abc import Callable, Collection
from ipaddress import ip_network
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from audit_rules._exceptions import FilterPatternError
from audit_rules._sentence import Sentence
from audit_rules._severity import Severity
from audit_rules.patterns import FilterPattern

from .problems import did_you_mean, shown

Check = Callable[[str], str | None]
"""Returns what is wrong with a text and what to do, or None."""

NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,30}")
IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
ACTION: Final = re.compile(r"[a-z][a-z0-9._-]{0,62}")
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
LOG_GROUP: Final = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
SECRET_NAME: Final = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
_WEBHOOK: Final = re.compile(r"(?i:hooks?\.slack|://)|services/T[A-Z0-9]+/B")
# What mail systems accept in practice: no quoted local part, no display name, no line break.
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
)
_MAX_EMAIL: Final = 254  # RFC 5321
_MAX_SENTENCE_LENGTH: Final = 200
_MAX_URL: Final = 1000  # the limits are 3000 for a Slack button, 1024 for an alarm description


def _with_schema(check: Check, **schema: object) -> Check:
    """Set the attribute `schema` of a check to its JSON Schema, and return the check."""
    check.schema = schema  # type: ignore[attr-defined]
    return check


def matching(pattern: re.Pattern[str], advice: str) -> Check:
    """Return a check that the whole text matches the pattern; `advice` ends its message."""

    def check(value: str) -> str | None:
        return None if pattern.fullmatch(value) else f"found {shown(value)}; {advice}"

    return _with_schema(check, pattern=f"^(?:{pattern.pattern})$")


def _text_problem(value: str, max_length: int, form: str) -> str | None:
    """Return what is wrong with a text, of which `form` says what to write, or None."""
    if not value.strip():
        return "is empty; write some text"
    if not value.isprintable():
        position = next(i for i, each in enumerate(value, start=1) if not each.isprintable())
        found = shown(value[position - 1])
        return f"has the unprintable character {found} at position {position}; write {form}"
    if len(value) > max_length:
        return f"has {len(value)} characters; write at most {max_length}"
    return None


def line(max_length: int) -> Check:
    """Return a check for one line of printable text, not blank, with at most `max_length` characters."""

    def check(value: str) -> str | None:
        return _text_problem(value, max_length, "one line of printable text")

    return _with_schema(check, minLength=1, maxLength=max_length)


def paragraph(max_length: int) -> Check:
    """Return a check for lines of printable text, not all blank, with at most `max_length` characters."""

    def check(value: str) -> str | None:
        return _text_problem(value.replace("\n", " "), max_length, "lines of printable text")

    return _with_schema(check, minLength=1, maxLength=max_length)


def one_of(offered: Collection[str], what: str) -> Check:
    """Return a check that the text is one of the offered texts; `what` names their kind in the message."""

    def check(value: str) -> str | None:
        if value in offered:
            return None
        return f"found {shown(value)}, which is not a known {what}; {did_you_mean(value, offered)}"

    return _with_schema(check, enum=sorted(offered))


def time_zone(value: str) -> str | None:
    """Check that the value is a time zone of the IANA database."""
    try:
        ZoneInfo(value)
    except (
        LookupError,
        ValueError,
        OSError,
    ):  # OSError: a folder of the database, such as "Europe"
        return f"found {shown(value)}; write an IANA name such as Europe/Madrid"
    return None


def severity(value: str) -> str | None:
    """Check that the value is a severity: low, medium, high or critical."""
    offered = [str(known) for known in Severity]
    return None if value in offered else f"found {shown(value)}; write one of {', '.join(offered)}"


_with_schema(severity, enum=[str(known) for known in Severity])


def sentence(value: str) -> str | None:
    """Check that the value is one line of at most 200 characters whose placeholders are valid."""
    return line(_MAX_SENTENCE_LENGTH)(value) or Sentence(value).problem()


def secret_name(value: str) -> str | None:
    """Check that the value can be the name of a secret, and does not look like a Slack webhook URL.

    The message does not contain the value, because it may be the secret itself.
    """
    if _WEBHOOK.search(value):
        return (
            "looks like the webhook URL itself (not shown here); write the NAME of a Secrets Manager"
            " secret whose value is the URL, and renew the webhook if this file left your machine"
        )
    if not SECRET_NAME.fullmatch(value):
        return (
            "is not the name of a Secrets Manager secret (not shown here); write 1 to 512 letters,"
            " digits and / _ + = . @ -"
        )
    return None


def email(value: str) -> str | None:
    """Check that the value is an e-mail address of at most 254 characters, without a display name."""
    if len(value) <= _MAX_EMAIL and _EMAIL.fullmatch(value):
        return None
    return f"found {shown(value)}; write one address without a name, such as audit@example.com"


_HOURS: Final = re.compile(r"((?:[01][0-9]|2[0-3]):[0-5][0-9])-((?:[01][0-9]|2[0-3]):[0-5][0-9])")


def quiet_hours(value: str) -> str | None:
    """Check that the value is a period of the day, such as `22:00-07:00`, whose ends differ."""
    found = _HOURS.fullmatch(value)
    if found is None:
        return f"found {shown(value)}; write the beginning and the end, such as 22:00-07:00"
    if found[1] == found[2]:
        return f"found {shown(value)}, which begins and ends at the same time; write two times, such as 22:00-07:00"
    return None


_with_schema(quiet_hours, pattern=f"^{_HOURS.pattern}$")


def network(value: str) -> str | None:
    """Check that the value is an IP network without host bits, such as `10.0.0.0/8`, or an IP address."""
    try:
        ip_network(value)
    except ValueError:
        try:
            without_host_bits = ip_network(value, strict=False)
        except ValueError:
            return f"found {shown(value)}; write a network such as 10.0.0.0/8 or 2001:db8::/32"
        return f"found {shown(value)}, which has host bits set; write {without_host_bits}"
    return None


def changed_field(value: str) -> str | None:
    """Check that the value is a dotted path without `*` and `'`, which a filter pattern cannot express."""
    if "*" in value:
        return (
            f"found {shown(value)}; the name of a field cannot contain *: name each field, or write"
            " pattern = '{ $.changes.fields.* = updated }' instead of when"
        )
    if "'" in value:
        return (
            f"found {shown(value)}; a filter pattern cannot contain the name of a field with ':"
            " select such records by other fields"
        )
    return field_path(value)


def field_path(value: str) -> str | None:
    """Check that the value is a dotted path of names, printable and at most 200 characters long."""
    if all(value.split(".")) and value.isprintable() and len(value) <= _MAX_SENTENCE_LENGTH:
        return None
    return f"found {shown(value)}; write a field of the changed record in at most {_MAX_SENTENCE_LENGTH} printable characters, with dots if it is nested, such as address.city"


def https_url(value: str) -> str | None:
    """Check that the value is an `https://` URL in ASCII of at most 1,000 characters, without a user name."""
    try:
        parts = urlsplit(value)
        good = parts.scheme == "https" and bool(parts.hostname) and parts.username is None
    except ValueError:
        good = False
    else:
        if parts.username is not None:
            return "has a user name (the URL is not shown, it may have a password); remove it"
    if good and len(value) <= _MAX_URL and value.isascii() and not re.search(r"[\s<>\"]", value):
        return None
    return (
        f"found {shown(value)}; write an https:// URL in ASCII of at most {_MAX_URL} characters,"
        ' without spaces and < > "'
    )


def rule_pattern(value: str) -> str | None:
    """Check that the value is a valid filter pattern in the JSON form; an empty one is rejected."""
    if not value:
        return (
            "is empty and would match every record; write a JSON filter pattern such as"
            ' { $.event.action = "login" }'
        )
    try:
        pattern = FilterPattern(value)
    except FilterPatternError as error:
        return f"is not a valid filter pattern: {error}"
    if not pattern.is_json:  # any text field may contain a term
        return (
            f"found {shown(value)}, which is not a JSON filter pattern; compare a field, such as"
            ' { $.event.action = "login" }'
        )
    return None
