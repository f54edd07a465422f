"""The page of notifications shows what the forwarder renders."""

import make_notifications
import pytest

from forwarder.channels import email

KINDS = list(make_notifications.kinds())


def test_the_page_is_what_the_forwarder_renders() -> None:
    written = make_notifications.PAGE.read_text(encoding="utf-8")
    assert written == make_notifications.page(), "run docs/make_notifications.py"


def test_each_of_twenty_kinds_and_more_has_a_picture() -> None:
    pictures = {path.stem for path in make_notifications.PICTURES.glob("*.png")}
    assert pictures == {make_notifications.slug(kind) for kind in KINDS}
    assert len(pictures) >= 20


@pytest.mark.parametrize("kind", KINDS, ids=make_notifications.slug)
def test_a_line_of_a_mail_is_as_long_as_a_mail_allows(kind: make_notifications.Kind) -> None:
    notification = make_notifications.rendered(kind)
    lines = email.plain_text(notification).splitlines()
    assert max(len(line) for line in lines if "https://" not in line) <= 76
