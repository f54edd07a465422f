"""Reads the settings of the forwarder's functions from their environment variables."""

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ForwarderSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwarderSettings:
    """The settings of the forwarder.

    Attributes:
        audit_log_group: the name of the audit log group.
        outbox_table: the name of the DynamoDB table of the outbox.
        teller: the name of the Lambda function that sends.
        region: the AWS Region.
        config_file: the path of `audit.toml`.
        lookup_seconds: how long to wait for the records of an alarm, because ingestion can be late.
    """

    audit_log_group: str
    outbox_table: str
    teller: str
    region: str
    config_file: Path
    lookup_seconds: int

    @classmethod
    def from_environment(cls) -> "ForwarderSettings":
        """Read `AUDIT_LOG_GROUP`, `OUTBOX_TABLE`, `TELLER`, `AWS_REGION`, `AUDIT_CONFIG`, `LOOKUP_SECONDS`.

        The defaults are the packaged `audit.toml` for `AUDIT_CONFIG`, and 30 for `LOOKUP_SECONDS`.

        Raises:
            KeyError: a required variable is missing; the message names it.
            ValueError: `LOOKUP_SECONDS` is not an integer.
        """
        packaged_config = Path(__file__).resolve().parents[1] / "audit.toml"
        lookup_seconds = os.environ.get("LOOKUP_SECONDS", "30")
        try:
            return cls(
                audit_log_group=os.environ["AUDIT_LOG_GROUP"],
                outbox_table=os.environ["OUTBOX_TABLE"],
                teller=os.environ["TELLER"],
                region=os.environ["AWS_REGION"],
                config_file=Path(os.environ.get("AUDIT_CONFIG", packaged_config)),
                lookup_seconds=int(lookup_seconds),
            )
        except KeyError as error:
            raise KeyError(
                f"the environment variable {error.args[0]} is not set; set it in the"
                " configuration of the Lambda function"
            ) from None
        except ValueError:
            raise ValueError(
                f"the environment variable LOOKUP_SECONDS is {lookup_seconds!r}; set it to an integer"
                " such as 30"
            ) from None
