"""First steps: an ordinary line, a simple audit line, and one with the differences of a change.

Run it: `python examples/first_steps.py`. The first line is the application's unchanged log, on standard
error; each of the others is one line of ECS JSON on standard output, between the lines that open and
seal their chain: `python examples/first_steps.py | python -m audit_lib verify -`.
"""

import logging

import audit_lib

logging.setLoggerClass(audit_lib.AppLogger)
logging.basicConfig(
    level=logging.INFO, format="%(asctime)s - %(name)s - %(levelname)s - %(message)s"
)
logger = audit_lib.get_logger(__name__)


def main() -> None:
    """Write the three lines."""
    logger.info("An ordinary line: nothing about the application's own logging has changed")
    logger.audit.info(
        "A simple audit line: all level methods of a logger work",
        stack_info=True,
        extra={"Extra info": "travels in extra"},
    )
    logger.audit.record_updated(
        "Edit made to MFA information",
        record_type="user",
        before={"id": 1, "phone": "+1234567890"},
        after={"id": 1, "phone": "+19876543210"},
    )


if __name__ == "__main__":
    main()
