"""Controls an embedded cloud in another process, for `audit local`: start, prepare, wait, stop.

This module does not import moto, which takes a second.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import boto3

from audit_ops.errors import AuditOpsError
from audit_rules import AuditConfig
from local_cloud.receivers import receiver_types

__all__ = [
    "CREDENTIALS", "LocalError", "connect", "down", "prepare", "settle", "up_in_background",
]  # fmt: skip

CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded"}
_START_SECONDS: Final = 30
_TIMEOUT_SECONDS: Final = 120


class LocalError(AuditOpsError):
    """An embedded cloud cannot be started, reached or stopped, or a request to it failed."""


def up_in_background(*, port: int, region: str, verbose: bool, output: Path) -> str:
    """Start the cloud in a background process, wait until it responds, and return its address.

    Args:
        port: the port on localhost.
        region: the only Region of the cloud.
        verbose: whether the cloud logs each API call.
        output: the log file, which is overwritten.

    Raises:
        LocalError: a cloud already runs on the port, or it does not respond within 30 seconds.
    """
    if _is_up(port):
        raise LocalError(
            f"an embedded cloud already runs on port {port}; stop it with"
            f" `{_command('down', port)}`, or choose another port with --port"
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    arguments = ["local", "up", "--port", str(port), "--region", region]
    with output.open("w") as file:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "audit_ops", *arguments, *(["--verbose"] if verbose else [])],
            stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if _is_up(port):
            return f"http://localhost:{port}"
        time.sleep(0.05)
    status = process.poll()
    ended = f"ended with exit status {status}"
    reason = ended if status is not None else f"did not respond within {_START_SECONDS} seconds"
    process.kill()
    raise LocalError(
        f"the embedded cloud on port {port} {reason}; correct what its output says. {output} ends with:"
        f"\n{output.read_text()[-2000:]}"
    )


def down(*, port: int) -> None:
    """Stop the cloud on a port, and wait until it has stopped.

    Raises:
        LocalError: no cloud runs on the port, or it does not stop within 30 seconds.
    """
    _request(port, "stop", {})
    end = time.monotonic() + _START_SECONDS
    while _is_up(port):
        if time.monotonic() > end:
            raise LocalError(
                f"the embedded cloud on port {port} did not stop within {_START_SECONDS} seconds;"
                " end the process of `audit local up`"
            )
        time.sleep(0.05)


def connect(port: int, config: AuditConfig) -> tuple[Callable[[str], Any], dict[str, str]]:
    """Create what a trail requires on the cloud of a port, and return how to reach the cloud.

    Returns:
        A function that returns a boto3 client of a service, and the environment variables with which
        other processes reach the cloud.

    Raises:
        LocalError: no cloud runs on the port.
    """
    health = _request(port, "health")
    endpoint, region = health["endpoint"], health["region"]
    session = boto3.Session("embedded", "embedded", region_name=region)

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=endpoint)  # type: ignore[call-overload]

    prepare(client, config, health["receivers"])
    return client, {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": region}


def settle(port: int) -> dict[str, Any]:
    """Wait until the cloud on a port has no pending work; return its state.

    Raises:
        LocalError: no cloud runs on the port, or the work is not complete in time.
    """
    return _request(port, "settle", {})


def _request(port: int, action: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = Request(
        f"http://localhost:{port}/_cloud/{action}", data, {"Content-Type": "application/json"}
    )
    try:
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310 - localhost
            found = json.load(response)
    except HTTPError as error:
        raise LocalError(_failed(port, action, error)) from error
    except TimeoutError as error:
        raise LocalError(
            f"the server on port {port} did not respond to /_cloud/{action} within"
            f" {_TIMEOUT_SECONDS} seconds; see the log of `audit local up`"
        ) from error
    except (URLError, ConnectionError) as error:
        raise LocalError(
            f"no embedded cloud responds on port {port}; start one with `{_command('up', port)}`"
        ) from error
    except (ValueError, HTTPException):
        found = None
    if not isinstance(found, dict) or "endpoint" not in found:
        raise LocalError(_other_server(port))
    return found


def _other_server(port: int) -> str:
    return f"the server on port {port} is not an embedded cloud; choose another port with --port"


def _failed(port: int, action: str, error: HTTPError) -> str:
    """Return the text for a status of 400 or more, with the error that the cloud names."""
    try:
        reason = f": {json.load(error)['error']}"
    except (ValueError, KeyError, TypeError):
        reason = ""
    # An embedded cloud has all paths that are requested here, and describes its errors but faults.
    is_fault = error.code == HTTPStatus.INTERNAL_SERVER_ERROR
    if error.code == HTTPStatus.NOT_FOUND or not (reason or is_fault):
        return _other_server(port)
    return (
        f"the server on port {port} returned status {error.code} for /_cloud/{action}{reason}; see"
        " the log of `audit local up`"
    )


def _command(name: str, port: int) -> str:
    return f"audit local {name} --port {port}"


def _is_up(port: int) -> bool:
    try:
        _request(port, "health")
    except LocalError:
        return False
    return True


def prepare(
    client: Callable[[str], Any], config: AuditConfig, addresses: Mapping[str, str]
) -> None:
    """Create what a trail requires: the source log groups, and the secrets and senders of the channels.

    Existing log groups and secrets are left unchanged. On AWS, the operators create these resources.

    Args:
        client: returns a boto3 client of a service.
        config: the configuration with the channels and sources.
        addresses: the address of each receiver, by channel type.
    """
    logs = client("logs")
    for name in config.sources.log_groups:
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=name)
    for channel in config.channels.values():
        receiver_types()[channel.TYPE].prepare(client, addresses[channel.TYPE], channel)
