"""Building blocks of an adapter: the context of a request, and ECS fields from the request's headers.

    from audit_lib.adapters.request import Request, request_fields

    def respond(message, headers):
        fields = request_fields(headers.get, "203.0.113.9", method="POST", path="/orders")
        with Request(fields, user=lambda: {"id": headers["x-user"]}):
            return handle(message)

All records written in the `with` block have these fields, in any thread of the request. Headers are
untrusted: an invalid value is replaced or left out, a path, method or user agent is cut at 512 characters.
"""

import re
import sys
from collections.abc import Callable
from typing import Any, Final

from audit_lib._context import Request
from audit_lib._record.ids import new_id

__all__ = ["Request", "request_fields", "trace_fields"]

_MAX_LENGTH: Final = 512
_MAX_PORT_DIGITS: Final = 5
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
    """Return the ECS fields of a request: `source`, `http.request`, `url`, `user_agent` and `trace`.

    `http.request.id` is the header `X-Request-ID` if it has 1 to 128 letters, digits or `._:/+=@-` and
    begins with a letter or digit; otherwise a new id.

    Args:
        header: returns a header by its lower-case name, or None; several headers of one name are
            joined by commas.
        peer: the address of the connected client or proxy.
        method: the HTTP method, such as `GET`; empty for none.
        path: the path without the query, which may contain a token; empty for none.
        port: the port of the peer.
        trusted_proxies: the number of your own proxies in front of the application. Each appends
            the address that it receives from to `X-Forwarded-For`, so the client is at this
            position from the right; everything left of it can be forged. If the header has fewer
            addresses, the first one is the source. With 0 or without the header, `peer` is.

    Returns:
        ECS objects by name, for `Request`. An address that is not an IP address is
        `source.address`, cut at 512 characters.
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
    is_port = text.isascii() and text.isdecimal() and len(text) <= _MAX_PORT_DIGITS
    return int(text) if is_port and 0 < int(text) < 65536 else None


def _request_id(given: str | None) -> str:
    return given if given and _REQUEST_ID.fullmatch(given) else new_id()


def trace_fields(header: Callable[[str], str | None]) -> dict[str, Any]:
    """Return `trace.id` of the current OpenTelemetry span, or of `traceparent` or `X-Amzn-Trace-Id`.

    The header `X-Amzn-Trace-Id` is read if `traceparent` is missing or invalid. OpenTelemetry is used
    only if the application has imported it.

    Args:
        header: returns a header by its lower-case name, or None.

    Returns:
        ECS `trace` and, from a span only, `transaction` with the span's id. An empty object if
        none of the three is valid, or if OpenTelemetry raises an exception.
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
