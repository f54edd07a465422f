"""The first five minutes: an ordinary line, a simple audit line, and one that says what changed.

Run it: `python examples/first_steps.py`. The first line is the application's log as it ever was, on
standard error; the others are one line of ECS JSON each, on standard output, between the two that
open and seal their chain: `python examples/first_steps.py | python -m audit_lib verify -`.
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
        "A simple audit line takes the level methods that every logger has",
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
