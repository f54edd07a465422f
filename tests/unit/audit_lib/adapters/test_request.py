"""The headers of a request, hostile ones included, are parsed, shortened or left out, never raised."""

import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import audit_lib
from audit_lib.adapters import request
from audit_lib.adapters.request import request_fields


def fields(peer: str | None = "198.51.100.1", trusted: int = 0, **headers: str) -> dict[str, Any]:
    named = {k.replace("_", "-"): v for k, v in headers.items()}.get
    return request_fields(named, peer, trusted_proxies=trusted)


@pytest.mark.parametrize(
    ("forwarded", "trusted", "source"),
    [
        ("203.0.113.9", 0, {"ip": "198.51.100.1"}),
        ("203.0.113.9", 1, {"ip": "203.0.113.9"}),
        ("1.1.1.1, 203.0.113.9", 1, {"ip": "203.0.113.9"}),
        ("1.1.1.1, 203.0.113.9, 10.0.0.7", 2, {"ip": "203.0.113.9"}),
        ("203.0.113.9", 3, {"ip": "203.0.113.9"}),
        ("203.0.113.9:51234", 1, {"ip": "203.0.113.9", "port": 51234}),
        ("[2001:db8::1]:443", 1, {"ip": "2001:db8::1", "port": 443}),
        ("2001:DB8::1", 1, {"ip": "2001:db8::1"}),
        ("[2001:db8::1]", 1, {"ip": "2001:db8::1"}),
        ("fe80::1%eth0", 1, {"ip": "fe80::1"}),
        ('"203.0.113.9"', 1, {"ip": "203.0.113.9"}),
        ("203.0.113.9:99999", 1, {"ip": "203.0.113.9"}),
        ("unknown", 1, {"address": "unknown"}),
        ("<script>", 1, {"address": "<script>"}),
        ("", 1, {"ip": "198.51.100.1"}),
        (" , ,", 1, {"ip": "198.51.100.1"}),
    ],
)
def test_the_client_is_counted_from_the_right(
    forwarded: str, trusted: int, source: dict[str, Any]
) -> None:
    assert fields(trusted=trusted, x_forwarded_for=forwarded)["source"] == source


@pytest.mark.parametrize(
    ("headers", "trace"),
    [
        ({"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}, "ab" * 16),
        ({"traceparent": f"00-{'0' * 32}-{'cd' * 8}-01"}, None),
        ({"traceparent": f"ff-{'ab' * 16}-{'cd' * 8}-01"}, None),
        ({"traceparent": "garbage"}, None),
        (
            {"x_amzn_trace_id": "Self=1;Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"},
            "5759e988bd862e3fe1be46a994272793",
        ),
    ],
)
def test_the_trace_is_the_one_of_the_headers(headers: dict[str, str], trace: str | None) -> None:
    assert fields(**headers).get("trace", {}).get("id") == trace


def test_a_request_has_an_id_its_own_one_if_that_is_one() -> None:
    assert fields(x_request_id="req-1")["http"]["request"]["id"] == "req-1"
    made = [fields(x_request_id=bad)["http"]["request"]["id"] for bad in ("a b", "\n", "x" * 200)]
    assert len(set(made)) == 3
    assert all(len(each) == 36 for each in made)


@given(st.text(), st.text(), st.text(), st.integers(-1, 5))
def test_nothing_in_a_header_raises(forwarded: str, trace: str, peer: str, trusted: int) -> None:
    found = fields(
        peer, trusted, x_forwarded_for=forwarded, traceparent=trace, x_request_id=trace,
        x_amzn_trace_id=trace, user_agent=forwarded,
    )  # fmt: skip
    assert found["http"]["request"]["id"]


def test_the_example_of_the_module_runs(
    lines: Callable[[], list[dict[str, Any]]], logger: audit_lib.AppLogger
) -> None:
    example = request.__doc__ or ""
    code = "\n".join(line for line in example.splitlines() if line.startswith("    ") or not line)
    page: dict[str, Any] = {"handle": lambda _: logger.audit.info("handled")}
    exec(compile(textwrap.dedent(code), "page", "exec"), page)
    page["respond"]("message", {"x-user": "7", "x-request-id": "r-1"})
    [line] = lines()
    assert line["user"] == {"id": "7"}
    assert line["source"] == {"ip": "203.0.113.9"}
    assert line["http"] == {"request": {"id": "r-1", "method": "POST"}}
    assert line["url"] == {"path": "/orders"}
