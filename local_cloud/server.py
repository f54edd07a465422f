"""Serves the embedded cloud over HTTP on localhost: AWS's APIs, and control pages at `/_cloud`.

    GET  /_cloud                 the state of the cloud as a page
    GET  /_cloud/health          the same as JSON
    GET  /_cloud/notifications   the notifications that arrived, as JSON
    POST /_cloud/settle          wait until all pending work is complete
    POST /_cloud/advance         {"seconds": 3600}: move the clock, minute by minute
    GET  /_cloud/faults          the faults in force, as JSON
    POST /_cloud/faults          {"service": "slack", "answer": 503, "seconds": 600}: a fault
    DELETE /_cloud/faults        end all faults; as POST {"clear": true} does
    POST /_cloud/stop            stop the cloud

POST requests need `Content-Type: application/json` and return the state of the cloud; those to
`/_cloud/faults` return the faults in force. Requests from web pages of other sites are refused. A bucket
cannot be named `_cloud`, so no API has these paths.
"""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from html import escape
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final
from urllib.parse import parse_qs

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from local_cloud.errors import PortTakenError
from local_cloud.services.faults import Faults, UnansweredError

__all__ = ["HOST", "Control", "serving"]

HOST: Final = "127.0.0.1"
_PREFIX: Final = "/_cloud"
_MAX_BODY_BYTES: Final = 65536
_Environ = dict[str, Any]
_Start = Callable[..., Any]

log = logging.getLogger(__name__)


class Control:
    """The WSGI application of the `/_cloud` pages and actions.

    Args:
        health: returns the state of the cloud in JSON types.
        notifications: returns the notifications that arrived in JSON types.
        actions: functions by name, called with the JSON object of a POST request. A missing member
            or an invalid value is status 400, a `TimeoutError` 504.
        faults: the faults of the cloud.
    """

    def __init__(
        self,
        *,
        health: Callable[[], dict[str, Any]],
        notifications: Callable[[], list[dict[str, Any]]],
        actions: Mapping[str, Callable[[dict[str, Any]], None]],
        faults: Faults,
    ) -> None:
        self._faults = faults
        self._pages: dict[str, Callable[[], Response]] = {
            "": lambda: Response(_page(health()), content_type="text/html; charset=utf-8"),
            "health": lambda: _json(health()),
            "notifications": lambda: _json(notifications()),
            "faults": lambda: _json(faults.as_json()),
        }
        self._actions = {**actions, "faults": self._change_faults}
        # What is returned after each action.
        self._results = dict.fromkeys(actions, self._pages["health"])
        self._results["faults"] = self._pages["faults"]

    def __call__(self, environ: _Environ, start: _Start) -> Iterable[bytes]:
        """Return the response to a request, as a WSGI application."""
        return self._answer(Request(environ))(environ, start)

    def _answer(self, request: Request) -> Response:
        # The form of another site cannot send JSON without a CORS preflight request.
        name = request.path.removeprefix(_PREFIX).strip("/")
        match request.method:
            case "GET" if name in self._pages:
                return self._pages[name]()
            case "POST" if name in self._actions and request.is_json:
                return self._act(name, request)
            case "DELETE" if name == "faults":
                self._faults.end_all()
                return self._pages[name]()
            case "POST" if name in self._actions:
                return _json(
                    {"error": f"found Content-Type {request.mimetype!r}; send application/json"},
                    415,
                )
        return _json(
            {"error": f"{request.method} {request.path} does not exist; use {self._paths()}"}, 404
        )

    def _paths(self) -> str:
        pages = [f"GET {_PREFIX}/{name}".rstrip("/") for name in self._pages]
        posts = [f"POST {_PREFIX}/{name}" for name in self._actions]
        return ", ".join([*pages, *posts, f"DELETE {_PREFIX}/faults"])

    def _change_faults(self, given: dict[str, Any]) -> None:
        if given == {"clear": True}:
            self._faults.end_all()
        else:
            self._faults.add(**given)

    def _act(self, name: str, request: Request) -> Response:
        try:
            self._actions[name](_body(request))
        except RequestEntityTooLarge:
            error = f"{name}: the body is larger than {_MAX_BODY_BYTES} bytes"
            return _json({"error": error}, 413)
        except KeyError as error:
            return _json({"error": f"{name}: the key {error} is missing"}, 400)
        except (ValueError, TypeError) as error:
            return _json({"error": f"{name}: {error}"}, 400)
        except TimeoutError as error:
            return _json({"error": f"{name}: {error}"}, 504)
        return self._results[name]()


@contextmanager
def serving(port: int, control: Control, faults: Faults) -> Generator[str]:
    """Serve moto's state and the control pages over HTTP while the block runs; yield the URL.

    Args:
        port: the port on 127.0.0.1; 0 picks a free port.
        control: the application for the paths at `/_cloud`.
        faults: the faults that calls to AWS meet.

    Raises:
        PortTakenError: the port cannot be bound; usually another program listens on it.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise PortTakenError(
                f"port {port} of {HOST} cannot be bound: {error.strerror}; choose another port"
            ) from error
        listener.listen()
        server = make_server(
            HOST, port, _Application(control, faults),
            threaded=True, request_handler=_QuietHandler, fd=listener.fileno(),
        )  # fmt: skip
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://localhost:{listener.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _Application:
    """The WSGI application: dispatches requests to the control pages or to moto, and logs AWS calls.

    The connection of a call that a fault leaves unanswered is closed.
    """

    def __init__(self, control: Control, faults: Faults) -> None:
        self._control = control
        self._faults = faults
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: _Environ, start: _Start) -> Iterable[bytes]:
        if refused := _refused(Request(environ)):
            return refused(environ, start)
        path = str(environ["PATH_INFO"])
        if path == _PREFIX or path.startswith(f"{_PREFIX}/"):
            return self._control(environ, start)
        name, began = _operation(environ), time.monotonic()

        def logged(status: str, headers: Any, *more: Any) -> Any:
            log.debug("%s: %s, %.0f ms", name, status, 1000 * (time.monotonic() - began))
            return start(status, headers, *more)

        try:
            with self._faults.function_call(_access_key(environ)), self._faults.call() as call:

                def changed(status: str, headers: Any, *more: Any) -> Any:
                    if call.status:
                        status = f"{call.status} {HTTPStatus(call.status).phrase}"
                    return logged(status, [*headers, *call.headers.items()], *more)

                return self._moto(environ, changed)  # type: ignore[no-any-return]
        except NotImplementedError as error:
            # Clients would retry a 500 for half a minute.
            reason = f": {error}" if str(error) else ""
            text = f"the embedded cloud does not support the operation {name}{reason}"
            log.warning("%s", text)
            return _unknown(environ, text)(environ, logged)
        except UnansweredError:
            log.debug("%s: not answered", name)
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)  # else the client would wait
            raise


def _body(request: Request) -> dict[str, Any]:
    """Return the JSON object in a request's body.

    Raises:
        ValueError: the body is not JSON, or not an object.
        RequestEntityTooLarge: the body is larger than 64 KB.
    """
    request.max_content_length = _MAX_BODY_BYTES
    try:
        given = json.loads(request.get_data() or b"{}")
    except ValueError as error:
        raise ValueError(f"the body is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise ValueError(f"found {type(given).__name__}, not a JSON object")  # noqa: TRY004 - status 400
    return given


def _refused(request: Request) -> Response | None:
    """Return status 403 for a request from another site's web page, else None.

    Such a page could create a function, which runs on this machine. A browser names the site in the
    header `Origin`, which no AWS client sends; DNS rebinding is detected by a host name other than
    `localhost`, `*.localhost` or `127.0.0.1`.
    """
    name = request.host.rpartition(":")[0] or request.host
    if name not in {"localhost", HOST} and not name.endswith(".localhost"):
        return _json({"error": f"found the host name {name[:100]!r}; use localhost"}, 403)
    own = {f"http://{request.host}"}
    origin = request.headers.get("Origin", next(iter(own)))
    if origin not in own:
        return _json(
            {
                "error": f"found the header Origin {origin[:100]!r}; requests from pages of other"
                " sites are refused"
            },
            403,
        )
    return None


def _unknown(environ: _Environ, text: str) -> Response:
    """Return status 400 with `UnknownOperationException`, as JSON or XML like the call."""
    code = "UnknownOperationException"
    if "HTTP_X_AMZ_TARGET" in environ:
        return _json({"__type": code, "message": text}, 400)
    error = f"<Error><Code>{code}</Code><Message>{escape(text)}</Message></Error>"
    return Response(f"<ErrorResponse>{error}</ErrorResponse>", 400, content_type="text/xml")


def _scope(environ: _Environ) -> list[str]:
    """Return the parts of a request's credential: access key, date, Region, service."""
    return str(environ.get("HTTP_AUTHORIZATION", "")).partition("Credential=")[2].split("/")


def _access_key(environ: _Environ) -> str:
    return _scope(environ)[0]


def _operation(environ: _Environ) -> str:
    """Return service and operation of a request, such as `logs PutLogEvents`, else its method and path."""
    scope = _scope(environ)
    service = scope[3] if len(scope) > 3 else "?"
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return f"{service} {str(target).rpartition('.')[2]}"
    if str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded"):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        return f"{service} {parse_qs(body.decode(errors='replace')).get('Action', ['?'])[0]}"
    return f"{service} {environ['REQUEST_METHOD']} {environ['PATH_INFO']}"


class _QuietHandler(MotoRequestHandler):
    """Handles requests without logging, over persistent HTTP/1.1 connections."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Log nothing: a request can contain secrets."""


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")


def _page(health: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{_cell(value)}</td></tr>" for name, value in health.items()
    )
    style = (
        "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:52rem;padding:0 1rem}"
        "th{text-align:left;vertical-align:top;padding:.35rem 1.5rem .35rem 0;font-weight:600}"
        "td{padding:.35rem 0}ul{margin:0;padding-left:1.2rem}"
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Embedded cloud</title>'
        f"<style>{style}</style><h1>Embedded cloud</h1><table>{rows}</table></html>"
    )


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        value = [f"{name}: {each}" for name, each in value.items()]
    if isinstance(value, list):
        items = "".join(f"<li>{escape(each)}</li>" for each in value)
        return f"<ul>{items}</ul>" if items else "none"
    return escape(str(value))
