"""Write `docs/notifications.md`: notifications of different kinds, as the forwarder renders them.

With `--check`, only compare the page. With `--browser PATH` of a Chromium, also draw the pictures in
`docs/images/notifications/`. Needs `PYTHONPATH=.:lambda`.
"""

import json
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from audit_ops.pages import page as html_page
from audit_rules import AuditConfig, Severity, load_config, parse_config
from audit_rules.channels.email import EmailChannel
from audit_rules.channels.slack import SlackChannel
from forwarder.channels import email, slack
from forwarder.notification import Notification, Reason
from forwarder.stages.evidence import Evidence
from forwarder.stages.read import FoundRecord
from forwarder.stages.render import Renderer
from local_cloud.receivers.slack import SlackReceiver

FOLDER: Final = Path(__file__).resolve().parent
PAGE: Final = FOLDER / "notifications.md"
PICTURES: Final = FOLDER / "images" / "notifications"
MADE: Final = "<!-- Made by docs/make_notifications.py; change the program instead. -->"
AT: Final = datetime(2026, 11, 24, 10, 0, 5, tzinfo=UTC)
SLACK: Final = SlackChannel(name="slack", webhook_secret="slack")  # noqa: S106 - the name of a secret
MAIL: Final = EmailChannel(name="mail", sender="audit@example.com", recipients=("a@example.com",))

CONFIG: Final = """
[audit]
name = "audit"
time_zone = "Europe/Madrid"
examples = "optional"
[sources]
log_groups = ["/app/shop"]
[channels.mail]
type = "email"
sender = "audit@example.com"
recipients = ["a@example.com"]

[labels]
customer = "Customer"
payout_account = "Payout account"
user = "User"
iban = "IBAN"
mfa_phone = "MFA phone number"
limit = "Credit limit"
roles = "Roles"
password = "Password"
"export.rows" = "Customers"

[actions.customer-created]
sentence = "{actor} opened {record}"
category = ["database"]
type = ["change"]
[actions.customer-updated]
sentence = "{actor} changed {record}"
category = ["database"]
type = ["change"]
[actions.customer-deleted]
sentence = "{actor} closed {record}"
category = ["database"]
type = ["change"]
[actions.payout_account-updated]
sentence = "{actor} changed where the money of {record} goes"
category = ["configuration"]
type = ["change"]
[actions.role-granted]
sentence = "{actor} granted a role to {record}"
category = ["iam"]
type = ["user", "change"]
[actions.login]
sentence = "{actor} tried to sign in"
category = ["authentication"]
type = ["start"]
[actions.customers-exported]
sentence = "{actor} exported data of {export.rows|customer|customers}"
category = ["database"]
type = ["access"]
fields = ["export.rows"]
"""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of notification: its name, its rule, its records, and why it is sent."""

    name: str
    rule: str = ""
    when: str = '[rules.when]\nrecord_types = ["customer"]'
    records: tuple[dict[str, Any], ...] = ()
    reason: Reason = Reason.ARRIVED
    perhaps_repeat: bool = False
    arrived_after: int | None = None
    notification: Notification | None = None


def record(  # noqa: PLR0913 - the parts of a record
    action: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    *,
    of: tuple[str, str] | None = ("customer", "1042"),
    by: Mapping[str, Any] | None = None,
    outcome: str = "success",
    message: str = "Customer profile saved",
    reason: str | None = None,
    notes: Mapping[str, str] | None = None,
    **others: Any,
) -> dict[str, Any]:
    """Return an audit record, by Ana Souza if no person is given."""
    old, new = before or {}, after or {}
    kinds = {
        name: "added" if name not in old else "removed" if name not in new else "updated"
        for name in (*old, *(name for name in new if name not in old))
    }
    event = {"action": action, "outcome": outcome, **({"reason": reason} if reason else {})}
    changes: dict[str, Any] = dict(zip(("record_type", "record_id"), of, strict=True)) if of else {}
    if kinds:
        changes |= {"before": dict(old), "after": dict(new), "fields": kinds}
        changes |= {"notes": dict(notes)} if notes else {}
    ana = {"id": "7", "name": "Ana Souza", "email": "ana.souza@shop.example"}
    return {
        "message": message,
        "event": event,
        "user": dict(ana if by is None else by),
        **({"changes": changes} if changes else {}),
        "source": {"ip": "203.0.113.9"},
        "service": {"name": "shop"},
        **others,
    }


def failed_sign_in(name: str, ip: str = "203.0.113.9") -> dict[str, Any]:
    """Return the record of a sign-in with a wrong password."""
    return record(
        "login", of=None, by={"name": name}, outcome="failure", message="Sign-in", reason="wrong password", source={"ip": ip},
    )  # fmt: skip


IBAN: Final = '[rules.when]\nrecord_types = ["customer"]\nchanged = ["iban"]'
OLD, NEW = "ES91 2100 0418 4502 0005 1332", "ES79 2100 0813 6101 2345 6789"
MOVED: Final = record("customer-updated", {"iban": OLD}, {"iban": NEW})
WIDE: Final = {f"field_{n:02}": n for n in range(1, 25)}
PEOPLE: Final = (
    "Ana Souza",
    "Li Wei",
    "Max Mustermann",
    "Priya Nair",
    "Tom Baker",
    "Zoë Field",
    "Jo Ek",
)


def kinds() -> Iterator[Kind]:
    """Yield the kinds of notifications."""
    yield Kind(name="A field changed", rule="IBAN changed", when=IBAN, records=(MOVED,))
    yield Kind(
        name="A record was created",
        rule="Customer with a credit limit",
        records=(record("customer-created", None, {"name": "Café Sol", "limit": 1000.0, "iban": OLD}, message="Opened"),),
    )  # fmt: skip
    yield Kind(
        name="A record was deleted",
        rule="Customer closed",
        records=(record("customer-deleted", {"name": "Café Sol", "limit": 1000.0}, message="Closed"),),
    )  # fmt: skip
    yield Kind(
        name="A change failed", rule="IBAN changed", when=IBAN,
        records=(record("customer-updated", {"iban": OLD}, {"iban": NEW}, outcome="failure", reason="the bank rejected it"),),
    )  # fmt: skip
    refused = record(
        "role-granted", {"roles": ["reader"]}, {"roles": ["reader", "admin"]}, of=("user", "9"), outcome="failure", reason="no permission",
    )  # fmt: skip
    refused["event"]["type"] = ["user", "change", "denied"]
    yield Kind(
        name="A change was refused", rule="Administrator role granted", records=(refused,),
        when="pattern = '{ $.changes.after.roles[*] = \"admin\" }'",
    )  # fmt: skip
    yield Kind(
        name="The outcome is not known", rule="IBAN changed", when=IBAN,
        records=(record("customer-updated", {"iban": OLD}, {"iban": NEW}, outcome="unknown", reason="the bank did not answer"),),
    )  # fmt: skip
    yield Kind(
        name="Thirty records", rule="IBAN changed", when=IBAN, reason=Reason.COUNTED,
        records=tuple(
            record("customer-updated", {"iban": OLD}, {"iban": NEW}, of=("customer", str(n)), by={"name": PEOPLE[n % 2]})
            for n in range(1, 31)
        ),
    )  # fmt: skip
    yield Kind(
        name="A thousand records", rule="IBAN changed", when=IBAN, reason=Reason.COUNTED,
        records=tuple(
            record("customer-updated", {"iban": OLD}, {"iban": NEW}, of=("customer", str(n)), by={"name": PEOPLE[n % 7]})
            for n in range(1, 1001)
        ),
    )  # fmt: skip
    yield Kind(
        name="Twenty-five fields, of which the rule asks for one", rule="IBAN changed", when=IBAN,
        records=(record("customer-updated", {**WIDE, "iban": OLD}, {**{n: v + 1 for n, v in WIDE.items()}, "iban": NEW}),),
    )  # fmt: skip
    yield Kind(
        name="A masked value", rule="Password changed",
        records=(record("customer-updated", {"password": "***"}, {"password": "***"}, notes={"password": "masked"}),),
    )  # fmt: skip
    yield Kind(
        name="A list changed", rule="Administrator role granted",
        when="pattern = '{ $.changes.after.roles[*] = \"admin\" }'",
        records=(
            record("role-granted", {"roles": ["reader"]}, {"roles": ["reader", "admin"]}, of=("user", "9"), message="Role granted"),
        ),
    )  # fmt: skip
    yield Kind(
        name="A credit limit", rule="Large credit limit",
        when='materiality = { field = "limit", by = 1000 }\n[rules.when]\nchanged = ["limit"]',
        records=(record("customer-updated", {"limit": 1000.0}, {"limit": 50000.1}),),
    )  # fmt: skip
    yield Kind(
        name="A late record", rule="IBAN changed", when=IBAN, records=(MOVED,),
        arrived_after=13 * 86400 + 7200, reason=Reason.FOUND,
    )  # fmt: skip
    yield Kind(
        name="Perhaps a repeat", rule="IBAN changed", when=IBAN, records=(MOVED,), perhaps_repeat=True,
    )  # fmt: skip
    yield Kind(
        name="The quiet hours are over", rule="IBAN changed", when=IBAN, records=(MOVED, MOVED), reason=Reason.HELD,
    )  # fmt: skip
    yield Kind(
        name="A rule that is no longer in the file",
        notification=Notification(
            rule_id="none", title="A message to the audit trail", owner="everybody", severity=Severity.LOW,
            reason=Reason.NOTICE,
            description="The rule old-limits is not in audit.toml any more, and 3 records wait for it."
            " Add the rule again, or drop its records.",
        ),
    )  # fmt: skip
    yield Kind(
        name="Failed sign-ins", rule="Repeated failed sign-ins", reason=Reason.COUNTED,
        when='[rules.when]\nactions = ["login"]\noutcomes = ["failure"]',
        records=tuple(failed_sign_in("Ana Souza", f"203.0.113.{n}") for n in (9, 10, 11)),
    )  # fmt: skip
    yield Kind(
        name="An export", rule="Large export",
        when="pattern = '{ $.event.action = \"customers-exported\" && $.export.rows >= 1000 }'",
        records=(
            record("customers-exported", of=None, message="Export finished", export={"rows": 25_000, "file": "customers.csv"}),
        ),
    )  # fmt: skip
    yield Kind(
        name="A name that is written from right to left", rule="IBAN changed", when=IBAN,
        records=(record("customer-updated", {"iban": OLD, "name": "Sol"}, {"iban": NEW, "name": "محمد علي"}, by={"name": "דוד לוי", "id": "12"}),),
    )  # fmt: skip
    yield Kind(
        name="Very long values, and values that pretend to be lines", rule="IBAN changed", when=IBAN,
        records=(
            record("customer-updated", {"iban": OLD}, {"iban": "ES79 " * 300, "note": "see below\n\nWho      Max Mustermann" + " " * 90 + "Outcome  success"}),
        ),
    )  # fmt: skip
    yield Kind(
        name="An action that is not in the catalogue", rule="Anything about a customer",
        records=(record("customer-archived", {"status": "active"}, {"status": "archived"}, message="Archived after two years"),),
    )  # fmt: skip
    yield Kind(
        name="The records cannot be found yet", rule="IBAN changed", when=IBAN, reason=Reason.NOT_FOUND,
    )  # fmt: skip


def rendered(kind: Kind) -> Notification:
    """Return the notification of a kind."""
    if kind.notification is not None:
        return kind.notification
    rule = (
        f'[[rules]]\nid = "{kind.rule.lower().replace(" ", "-")}"\ntitle = "{kind.rule}"\nowner = "Finance"\n'
        'severity = "high"\nchannels = ["mail"]\ndescription = "Confirm with the customer on a known number."\n'
        f'runbook = "https://wiki.example.com/audit"\n{kind.when}\n'
    )
    config: AuditConfig = parse_config(f"{CONFIG}\n{rule}")
    renderer = Renderer(
        config=config, evidence=Evidence(region="eu-west-1", log_group=config.names.log_group)
    )
    at_ms = int(AT.timestamp() * 1000)
    found = [
        FoundRecord(
            at_ms + number * 1000, json.dumps(each), each,
            None if kind.arrived_after is None else at_ms + kind.arrived_after * 1000,
        )
        for number, each in enumerate(kind.records)
    ]  # fmt: skip
    return renderer.notification(
        config.rules[0], found, kind.reason, perhaps_repeat=kind.perhaps_repeat
    )


def page() -> str:
    """Return the text of `docs/notifications.md`."""
    parts = [
        MADE,
        "# Notifications, as people read them",
        "Each is rendered by the forwarder from audit records, with a small `audit.toml`. The picture has the Slack"
        " message on the left and the e-mail on the right; below it are the subject of the mail and its plain text.",
    ]
    for kind in kinds():
        notification = rendered(kind)
        text = email.plain_text(notification)
        shown = [
            f"{line[:line.index('https')]}(link)" if line.startswith("Show the evidence: ") else line
            for line in text.splitlines()
        ]  # fmt: skip
        parts += [
            f"## {kind.name}",
            f"![{kind.name}](images/notifications/{slug(kind)}.png)",
            "```text\nSubject: "
            + email.subject(notification)
            + "\n\n"
            + "\n".join(shown)
            + "\n```",
        ]
    return "\n\n".join(parts) + "\n"


def slug(kind: Kind) -> str:
    """Return the name of the picture of a kind."""
    return "-".join("".join(each if each.isalnum() else " " for each in kind.name.lower()).split())


def draw(browser: str) -> None:
    """Draw the picture of each kind, and the two of the README."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for kind in kinds():
        notification = rendered(kind)
        _draw(
            browser,
            _slack(notification) + _mail(notification),
            PICTURES / f"{slug(kind)}.png",
            1310,
        )
    shown = readme_notification()
    _draw(browser, _slack(shown), FOLDER / "images" / "slack.png", 660)
    _draw(browser, _mail(shown), FOLDER / "images" / "mail.png", 690)


def readme_notification() -> Notification:
    """Return the notification of the rule `mfa-phone-changed` of `audit.toml`."""
    config = load_config(FOLDER.parent / "audit.toml")
    renderer = Renderer(
        config=config, evidence=Evidence(region="eu-west-1", log_group=config.names.log_group)
    )
    shown = record(
        "user-updated", {"mfa_phone": "+34600987654"}, {"mfa_phone": "+34600000000"},
        of=("user", "1042"), message="User profile changed",
    )  # fmt: skip
    found = FoundRecord(int(AT.timestamp() * 1000), json.dumps(shown), shown)
    return renderer.notification(config.rule("mfa-phone-changed"), [found], Reason.ARRIVED)


def _slack(notification: Notification) -> str:
    message = SlackReceiver.html(slack.preview(SLACK, notification))
    for mark, colour in _MARKS.items():  # a machine may have no font with them
        message = message.replace(mark, f'<span style="color:{colour}">●</span>')
    return message


def _mail(notification: Notification) -> str:
    body = email.html(notification).partition("<body")[2].partition(">")[2]
    return f'<div style="width:640px">{body.partition("</body>")[0]}</div>'


def _draw(browser: str, html: str, picture: Path, width: int) -> None:
    body = f'<div id="both" class="pair" style="flex-wrap:nowrap">{html}</div>'
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "page.html")
        source.write_text(html_page(picture.stem, body + _MEASURE), encoding="utf-8")
        measured = _browse(
            browser, folder, "--dump-dom", f"--window-size={width},800", source.as_uri()
        )
        height = int(measured.partition("<title>")[2].partition("<")[0]) + 48
        _browse(
            browser, folder, f"--screenshot={picture}", f"--window-size={width},{height}",
            "--force-device-scale-factor=0.75", source.as_uri(),
        )  # fmt: skip


_MARKS: Final = {"🔵": "#3b82f6", "🟡": "#eab308", "🟠": "#ea580c", "🔴": "#dc2626"}
_MEASURE: Final = """<script>
document.title = Math.ceil(document.getElementById("both").getBoundingClientRect().height)
</script>"""


def _browse(browser: str, folder: str, *options: str) -> str:
    """Run the browser without a window and return what it prints."""
    done = subprocess.run(  # noqa: S603 - the caller names the browser
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            f"--user-data-dir={folder}/profile", *options,
        ],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.stdout


def main() -> int:
    """Write or compare the page; return the exit status."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare the page")
    parser.add_argument("--browser", help="the Chromium that draws the pictures")
    options = parser.parse_args()
    if options.check:
        if PAGE.read_text(encoding="utf-8") != page():
            print(
                "docs/notifications.md: is not what the program says; run docs/make_notifications.py"
            )
            return 1
        return 0
    PAGE.write_text(page(), encoding="utf-8")
    if options.browser:
        draw(options.browser)
    return 0


if __name__ == "__main__":
    sys.exit(main())
