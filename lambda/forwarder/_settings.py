"""What the function is told by its environment."""

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ForwarderSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwarderSettings:
    """Where records are read, where it is kept what was told, and the rules.

    `lookup_seconds` is how long an alarm's records are waited for: ingestion can be late.
    """

    audit_log_group: str
    ledger_table: str
    region: str
    config_file: Path
    lookup_seconds: int

    @classmethod
    def from_environment(cls) -> "ForwarderSettings":
        """Read it.

        Raises:
            KeyError: a variable is missing; the message names it.
        """
        beside_the_code = Path(__file__).resolve().parents[1] / "audit.toml"
        return cls(
            audit_log_group=os.environ["AUDIT_LOG_GROUP"],
            ledger_table=os.environ["LEDGER_TABLE"],
            region=os.environ["AWS_REGION"],
            config_file=Path(os.environ.get("AUDIT_CONFIG", beside_the_code)),
            lookup_seconds=int(os.environ.get("LOOKUP_SECONDS", "30")),
        )
