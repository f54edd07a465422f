"""The settings of the function, from its environment variables."""

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ForwarderSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwarderSettings:
    """The audit log group, the ledger table, and the rules.

    `lookup_seconds` is how long to wait for the records of an alarm, because ingestion can be late.
    """

    audit_log_group: str
    ledger_table: str
    region: str
    config_file: Path
    lookup_seconds: int

    @classmethod
    def from_environment(cls) -> "ForwarderSettings":
        """Read the settings.

        Raises:
            KeyError: a variable is missing; the message names it.
        """
        packaged_config = Path(__file__).resolve().parents[1] / "audit.toml"
        return cls(
            audit_log_group=os.environ["AUDIT_LOG_GROUP"],
            ledger_table=os.environ["LEDGER_TABLE"],
            region=os.environ["AWS_REGION"],
            config_file=Path(os.environ.get("AUDIT_CONFIG", packaged_config)),
            lookup_seconds=int(os.environ.get("LOOKUP_SECONDS", "30")),
        )
