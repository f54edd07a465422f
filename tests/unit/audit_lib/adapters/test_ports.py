"""A port of a forwarded address is a number from 1 to 65535, or no port."""

import pytest

from audit_lib.adapters.request import request_fields


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("0", None),
        ("1", 1),
        ("65535", 65535),
        ("65536", None),
        ("0000659999", None),
        ("0" * 5000, None),
        ("\xb2", None),
    ],
)
def test_the_port_of_a_forwarded_address(text: str, port: int | None) -> None:
    headers = {"x-forwarded-for": f"203.0.113.9:{text}"}
    source = request_fields(headers.get, "10.0.0.1", trusted_proxies=1)["source"]
    assert source == {"ip": "203.0.113.9"} | ({} if port is None else {"port": port})
