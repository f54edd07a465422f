"""For an adapter of your own: the context of a request, and the ECS fields from its headers.

    from audit_lib.adapters.request import Request, request_fields

    def respond(message, headers):
        fields = request_fields(headers.get, "203.0.113.9", method="POST", path="/orders")
        with Request(fields, user=lambda: {"id": headers["x-user"]}):
            return handle(message)

All records of the block have these fields, in any thread. Headers are untrusted: they are parsed,
shortened or left out, and never raise.
"""

import re
import sys
from collections.abc import Callable
from typing import Any, Final

from audit_lib._context import Request
from audit_lib._record.ids import new_id

__all__ = ["Request", "request_fields", "trace_fields"]

_MAX_LENGTH: Final = 512
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")
# https://www.w3.org/TR/trace-context/#traceparent-header
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-"
)
# https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
_AMAZON_TRACE: Final = re.compile(r"Root=1-([0-9a-f]{8})-([0-9a-f]{24})")


def request_fields(  # noqa: PLR0913 - the parts of a request
    header: Callable[[str], str | None],
    peer: str | None,
    *,
    method: str = "",
    path: str = "",
    port: int | None = None,
    trusted_proxies: int = 0,
) -> dict[str, Any]:
    """Return the ECS fields of a request: `source`, `http`, `url`, `user_agent`, `trace`.

    Args:
        header: returns a header by its lower-case name, or None; several headers of one name are
            joined by commas.
        peer: the address of the connected client or proxy.
        method: such as `GET`.
        path: without the query, which may contain a token.
        port: the port of the peer.
        trusted_proxies: the number of your own proxies in front of the application. Each appends
            the address that it receives from to `X-Forwarded-For`, so the client is at this
            position from the right; everything left of it can be forged.

    Returns:
        ECS objects by name, for `Request`.
    """
    fields: dict[str, Any] = {
        "source": _source(header("x-forwarded-for"), peer, port, trusted_proxies)
    }
    request: dict[str, Any] = {"id": _request_id(header("x-request-id"))}
    if method:
        request["method"] = method[:_MAX_LENGTH]
    fields["http"] = {"request": request}
    if path:
        fields["url"] = {"path": path[:_MAX_LENGTH]}
    if agent := header("user-agent"):
        fields["user_agent"] = {"original": agent[:_MAX_LENGTH]}
    fields.update(trace_fields(header))
    return fields


def _source(
    forwarded: str | None, peer: str | None, port: int | None, trusted: int
) -> dict[str, Any]:
    hops = (
        [hop.strip() for hop in (forwarded or "").split(",") if hop.strip()] if trusted > 0 else []
    )
    if not hops:
        return _address(peer or "", port)
    return _address(hops[-trusted] if trusted <= len(hops) else hops[0], None)


def _address(text: str, port: int | None) -> dict[str, Any]:
    """Read `203.0.113.9`, `203.0.113.9:51234`, `2001:db8::1` or `[2001:db8::1]:443`."""
    from ipaddress import ip_address  # noqa: PLC0415 - only needed for requests

    host, source_port = text.strip('"'), port
    if host.startswith("["):
        host, _, rest = host[1:].partition("]")
        source_port = _port(rest.removeprefix(":")) or port
    elif host.count(":") == 1:
        host, _, rest = host.partition(":")
        source_port = _port(rest) or port
    try:
        source: dict[str, Any] = {"ip": str(ip_address(host.partition("%")[0]))}
    except ValueError:  # the path of a socket, `unknown`, or a forged value
        return {"address": text[:_MAX_LENGTH]} if text else {}
    if source_port:
        source["port"] = source_port
    return source


def _port(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text[:6]) < 65536 else None


def _request_id(given: str | None) -> str:
    return given if given and _REQUEST_ID.fullmatch(given) else new_id()


def trace_fields(header: Callable[[str], str | None]) -> dict[str, Any]:
    """Return `trace.id` from the OpenTelemetry span if there is one, else from the headers.

    Args:
        header: returns a header by its lower-case name, or None.

    Returns:
        ECS `trace` and `transaction`; an empty object without either.
    """
    if opentelemetry := sys.modules.get("opentelemetry.trace"):
        try:
            span = opentelemetry.get_current_span().get_span_context()
            if span.is_valid:
                return {
                    "trace": {"id": f"{span.trace_id:032x}"},
                    "transaction": {"id": f"{span.span_id:016x}"},
                }
        except Exception:  # noqa: BLE001 - an incompatible version
            return {}
    if found := _TRACEPARENT.match(header("traceparent") or ""):
        return {"trace": {"id": found[1]}}
    if found := _AMAZON_TRACE.search(header("x-amzn-trace-id") or ""):
        return {"trace": {"id": found[1] + found[2]}}
    return {}
