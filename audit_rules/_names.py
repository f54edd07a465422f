"""Derives the names of the AWS resources that several parts of an audit trail use."""

from dataclasses import dataclass

__all__ = ["Names"]


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a trail's AWS resources, derived from `audit.name` in `audit.toml`.

    Changing `audit.name` starts a new trail.
    """

    trail: str

    @property
    def log_group(self) -> str:
        """The name of the audit log group."""
        return f"/{self.trail}/records"

    @property
    def router(self) -> str:
        """The name of the Lambda function that copies audit records to the audit log group."""
        return f"{self.trail}-router"

    @property
    def matcher(self) -> str:
        """The name of the Lambda function that puts the records that rules match into the outbox."""
        return f"{self.trail}-matcher"

    @property
    def teller(self) -> str:
        """The name of the Lambda function that sends what waits in the outbox."""
        return f"{self.trail}-teller"

    @property
    def forwarder(self) -> str:
        """The name of the Lambda function that the alarms invoke; it puts what they counted into the outbox."""
        return f"{self.trail}-forwarder"

    @property
    def namespace(self) -> str:
        """The CloudWatch namespace of the metrics. Each rule has one metric, named after its id."""
        return f"Audit/{self.trail}"

    def alarm(self, rule_id: str) -> str:
        """Return the name of a rule's CloudWatch alarm."""
        return f"{self.trail}-{rule_id}"

    def own_log_groups(self) -> frozenset[str]:
        """Return the trail's own log groups; as sources they would feed records back in a loop."""
        functions = (self.router, self.matcher, self.teller, self.forwarder)
        return frozenset({self.log_group, *(f"/aws/lambda/{name}" for name in functions)})
