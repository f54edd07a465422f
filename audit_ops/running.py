"""An embedded cloud that runs in another process: started, reached, prepared, ended.

Nothing in here needs moto, whose import alone takes a second.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import boto3

from audit_ops.errors import AuditOpsError
from audit_rules import AuditConfig
from local_cloud.receivers import receiver_types

__all__ = [
    "CREDENTIALS", "LocalError", "down", "embedded", "prepare", "settled", "up_in_background",
]  # fmt: skip

CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded"}
_START_SECONDS: Final = 30


class LocalError(AuditOpsError):
    """No embedded cloud can be started, reached or ended there."""


def up_in_background(*, port: int, region: str, verbose: bool, output: Path) -> str:
    """Start the cloud in a process of its own, its log in a file; give its address.

    Raises:
        LocalError: it did not start.
    """
    if _is_up(port):
        raise LocalError(f"an embedded cloud is running on port {port}: `audit local down` ends it")
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
    process.kill()
    raise LocalError(f"it did not start; {output} ends with:\n{output.read_text()[-2000:]}")


def down(*, port: int) -> None:
    """End a cloud, and wait until it is gone.

    Raises:
        LocalError: none runs there, or it does not end.
    """
    _ask(port, "stop", {})
    end = time.monotonic() + _START_SECONDS
    while _is_up(port):
        if time.monotonic() > end:
            raise LocalError(f"the embedded cloud on port {port} does not end")
        time.sleep(0.05)


def embedded(port: int, config: AuditConfig) -> tuple[Callable[[str], Any], dict[str, str]]:
    """Prepare a cloud that runs for a trail; give how it is reached: by boto3, by environment.

    Raises:
        LocalError: none runs there.
    """
    health = _ask(port, "health")
    endpoint, region = health["endpoint"], health["region"]
    session = boto3.Session("embedded", "embedded", region_name=region)

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=endpoint)  # type: ignore[call-overload]

    prepare(client, config, health["receivers"])
    return client, {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": region}


def settled(port: int) -> dict[str, Any]:
    """Wait until all that follows has happened; give the cloud's health.

    Raises:
        LocalError: none runs there.
    """
    return _ask(port, "settle", {})


def _ask(port: int, what: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = Request(
        f"http://localhost:{port}/_cloud/{what}", data, {"Content-Type": "application/json"}
    )
    try:
        with urlopen(request, timeout=120) as answer:  # noqa: S310 - localhost
            found = json.load(answer)
    except HTTPError as error:
        raise LocalError(f"{what}: {error.read().decode(errors='replace')[:500]}") from error
    except (URLError, ConnectionError, TimeoutError) as error:
        raise LocalError(
            f"no embedded cloud answers on port {port}; `audit local up` starts one"
        ) from error
    except ValueError:
        found = None
    if not isinstance(found, dict) or "endpoint" not in found:
        raise LocalError(
            f"what answers on port {port} is no embedded cloud; --port takes another port"
        )
    return found


def _is_up(port: int) -> bool:
    try:
        _ask(port, "health")
    except LocalError:
        return False
    return True


def prepare(
    client: Callable[[str], Any], config: AuditConfig, addresses: Mapping[str, str]
) -> None:
    """Make what a trail requires, on AWS too: its sources' log groups, secrets, verified senders.

    What exists is left unchanged.

    Args:
        client: returns a boto3 client of a service.
        config: whose channels and sources.
        addresses: the address of each receiver, by the type of channel.
    """
    logs = client("logs")
    for name in config.sources.log_groups:
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=name)
    for channel in config.channels.values():
        receiver_types()[channel.TYPE].prepare(client, addresses[channel.TYPE], channel)
