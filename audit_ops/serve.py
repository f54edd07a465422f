"""Serves the embedded cloud until it is stopped, for `audit local up`."""

import logging
import signal
import sys
from typing import Final

from audit_ops.running import CREDENTIALS, LocalError
from audit_ops.world import World
from local_cloud.errors import PortTakenError

__all__ = ["up"]

_TICK_SECONDS: Final = 0.25

log = logging.getLogger(__name__)


def up(*, port: int, region: str, verbose: bool) -> None:
    """Serve the cloud in this process until Ctrl-C, SIGTERM or `audit local down`; log to the terminal.

    Raises:
        LocalError: another program listens on the port.
        HookError: moto is not the pinned version.
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
            log.info("           export %s", " ".join(f"{k}={v}" for k, v in CREDENTIALS.items()))
            try:
                while not cloud.stopping.wait(_TICK_SECONDS):
                    _tick(world)
            except KeyboardInterrupt:
                pass
            log.info("the embedded cloud stops; its state is lost")
    except PortTakenError as error:
        raise LocalError(
            f"{error} with --port. If an embedded cloud uses the port, stop it with `audit local"
            f" down --port {port}`"
        ) from error


def _tick(world: World) -> None:
    """Advance the cloud to the current time; log errors instead of raising them."""
    try:
        world.cloud.tick()
        world.cloud.functions.raise_faults()
    except Exception:
        log.exception("the embedded cloud failed to start what is due or to evaluate the alarms")


class _SafeFormatter(logging.Formatter):
    """Escapes unprintable characters, so that text of an application cannot move the cursor or add lines."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        keep = "\n" if record.exc_info else ""
        return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in text)


def _log_to_terminal(*, verbose: bool) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_SafeFormatter("%(asctime)s %(message)s", "%H:%M:%S"))
    for name in (__name__, "local_cloud"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG if verbose else logging.INFO)
        logger.propagate = False
