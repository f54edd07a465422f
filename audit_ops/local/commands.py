"""`audit local`: the embedded cloud as a server: started, reached, ended."""

import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import boto3

from audit_ops.local.hooks import HookError
from audit_ops.local.server import PortTakenError
from audit_ops.local.world import World, prepare
from audit_rules import AuditConfig

__all__ = ["LocalError", "down", "embedded", "settled", "up", "up_in_background"]

_TICK_SECONDS: Final = 0.25
_START_SECONDS: Final = 30
_CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "embedded", "AWS_SECRET_ACCESS_KEY": "embedded"}

log = logging.getLogger(__name__)


class LocalError(Exception):
    """A command could not do its work; the text says why and what to do."""


def up(*, port: int, region: str, verbose: bool) -> None:
    """Serve the cloud until somebody ends it: Ctrl-C, SIGTERM or `down`.

    Raises:
        LocalError: it cannot start.
    """
    _log_to_terminal(verbose=verbose)
    try:
        with World(region=region, port=port) as world:
            cloud = world.cloud
            signal.signal(signal.SIGTERM, lambda *_: cloud.stopping.set())
            log.info("the embedded cloud is at %s/_cloud (region %s)", cloud.endpoint, region)
            log.info(
                "to use it: export AWS_ENDPOINT_URL=%s AWS_DEFAULT_REGION=%s",
                cloud.endpoint,
                region,
            )
            log.info("           export %s", " ".join(f"{k}={v}" for k, v in _CREDENTIALS.items()))
            try:
                while not cloud.stopping.wait(_TICK_SECONDS):
                    _tick(world)
            except KeyboardInterrupt:
                pass
            log.info("the embedded cloud ends; its state is gone")
    except PortTakenError as error:
        raise LocalError(
            f"{error}. Is one running already? `audit local down` ends it; --port takes another port"
        ) from error
    except HookError as error:
        raise LocalError(str(error)) from error


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

    prepare(client, config, health["webhooks"])
    return client, {**_CREDENTIALS, "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": region}


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
    except ValueError as error:
        raise LocalError(
            f"what answers on port {port} is no embedded cloud; --port takes another port"
        ) from error
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


def _tick(world: World) -> None:
    """Let time pass. What goes wrong is told, and the cloud goes on."""
    try:
        world.cloud.tick()
        world.cloud.functions.raise_faults()
    except Exception:
        log.exception("a fault of the embedded cloud")


class _Line(logging.Formatter):
    """One line a happening; what an application put in cannot move the cursor or forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        keep = "\n" if record.exc_info else ""
        return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in text)


def _log_to_terminal(*, verbose: bool) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Line("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("audit_ops.local")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    logger.propagate = False
