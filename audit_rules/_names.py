"""The names of AWS resources that several parts of an audit trail use."""

from dataclasses import dataclass

__all__ = ["Names"]


@dataclass(frozen=True, slots=True)
class Names:
    """The names, derived from that of the trail, `audit.name`. Changing it starts a new trail."""

    trail: str

    @property
    def log_group(self) -> str:
        """The audit log group."""
        return f"/{self.trail}/records"

    @property
    def router(self) -> str:
        """The function that copies audit records into the audit log group."""
        return f"{self.trail}-router"

    @property
    def forwarder(self) -> str:
        """The function that sends notifications."""
        return f"{self.trail}-forwarder"

    @property
    def namespace(self) -> str:
        """The namespace of the metrics. Each rule has one metric, named after its id."""
        return f"Audit/{self.trail}"

    def alarm(self, rule_id: str) -> str:
        """Return the name of a rule's alarm."""
        return f"{self.trail}-{rule_id}"

    def own_log_groups(self) -> frozenset[str]:
        """Return the log groups that cannot be sources, because their lines would return in a loop."""
        functions = (self.router, self.forwarder)
        return frozenset({self.log_group, *(f"/aws/lambda/{name}" for name in functions)})
