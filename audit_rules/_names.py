"""The names of everything in AWS that belongs to one audit trail."""

from dataclasses import dataclass

__all__ = ["Names"]


@dataclass(frozen=True, slots=True)
class Names:
    """Names made of the trail's own, `audit.name`. Changing that one starts a new trail."""

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
        """The function that tells people."""
        return f"{self.trail}-forwarder"

    @property
    def namespace(self) -> str:
        """The namespace of the metrics, one metric a rule, named by the rule's id."""
        return f"Audit/{self.trail}"

    def alarm(self, rule_id: str) -> str:
        """The alarm of a rule."""
        return f"{self.trail}-{rule_id}"

    def rule_of_alarm(self, alarm_name: str) -> str:
        """The id of the rule that an alarm watches."""
        return alarm_name.removeprefix(f"{self.trail}-")

    def own_log_groups(self) -> frozenset[str]:
        """The log groups that can never be sources: their lines would come back for ever."""
        functions = (self.router, self.forwarder)
        return frozenset({self.log_group, *(f"/aws/lambda/{name}" for name in functions)})
