"""Reads the state of an AWS account, and summarizes what a deployment will create and cost."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from audit_ops.errors import AuditOpsError
from audit_ops.rollout.costs import PER_GB_INGESTED, PER_GB_MONTH_STORED, monthly_costs
from audit_rules import AuditConfig
from local_cloud.assembly import stacks_of

__all__ = ["Plan", "PlanError"]

_BOOTSTRAP_STACK: Final = "CDKToolkit"
# The CDK CLI deletes such a stack, which is empty, and creates it again.
_NEVER_CREATED: Final = frozenset({"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"})
_GROUP, _KEY = "AWS::Logs::LogGroup", "AWS::KMS::Key"


class PlanError(AuditOpsError):
    """The account cannot be read, or the stack cannot be deployed to it; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The state of an AWS account, and the stack to deploy.

    Attributes:
        config: the configuration of the trail.
        stack_id: the stack's id in the assembly.
        template: the template of the stack.
        account: the id of the AWS account.
        region: the Region.
        status: the stack's status in the account; empty if it does not exist or was never created
            completely (`REVIEW_IN_PROGRESS`, `ROLLBACK_COMPLETE`, `ROLLBACK_FAILED`).
        bootstrapped: whether the stack `CDKToolkit` exists.
        kept: the resources to import, which an earlier stack retained: logical id → identifier.
    """

    config: AuditConfig
    stack_id: str
    template: Mapping[str, Any]
    account: str
    region: str
    status: str
    bootstrapped: bool
    kept: Mapping[str, Mapping[str, str]]

    @classmethod
    def read(cls, config: AuditConfig, assembly: Path, client: Callable[[str], Any]) -> Self:
        """Read the stack from a cloud assembly, and its state from the account.

        Args:
            config: the configuration of the trail.
            assembly: the folder of the cloud assembly.
            client: returns the boto3 client of a service.

        Raises:
            PlanError: the assembly does not have the stack, the account cannot be read, or a retained
                resource cannot be imported.
        """
        stack_id, template = _template(assembly, config.name)
        try:
            account = client("sts").get_caller_identity()["Account"]
            cloudformation = client("cloudformation")
            status = _status(cloudformation, config.name)
            status = "" if status in _NEVER_CREATED else status
            return cls(
                config=config,
                stack_id=stack_id,
                template=template,
                account=account,
                region=cloudformation.meta.region_name,
                status=status,
                bootstrapped=bool(_status(cloudformation, _BOOTSTRAP_STACK)),
                kept={} if status else _kept(config.names.log_group, template, client),
            )
        except (BotoCoreError, ClientError) as error:
            raise PlanError(
                f"the AWS account cannot be read: {str(error).rstrip('.')}; check your AWS"
                " credentials, their permissions, the Region and the network"
            ) from error

    def lines(self) -> Iterator[str]:
        """Yield the lines of a summary: what will be deployed, and roughly what it costs a month."""
        count = Counter(resource["Type"] for resource in self.template["Resources"].values())
        names, days = self.config.names, self.config.retention_days
        action = f"update the stack ({self.status})" if self.status else "create the stack"
        yield f"Trail {names.trail!r} in account {self.account}, Region {self.region}: {action}."
        yield ""
        yield "Resources"
        yield f"  {names.log_group}: the audit log group, retention {days:,} days, with its own key"
        yield f"  subscriptions of the sources: {', '.join(self.config.sources.log_groups)}"
        yield f"  {len(self.config.rules)} rules, each with a metric filter and an alarm; {len(self.config.channels)} channels"
        yield f"  4 functions: {names.router} copies records, {names.matcher} matches them with the rules,"
        yield f"     {names.teller} sends notifications, {names.forwarder} looks for what an alarm counted"
        yield f"  {count['AWS::Logs::QueryDefinition']} saved queries; {sum(count.values())} resources in all"
        if self.kept:
            yield ""
            yield f"{names.log_group} exists from an earlier stack: it is imported with its key and all records."
        yield ""
        yield "Rough costs a month, in US dollars at the list prices of Ireland"
        costs = list(monthly_costs(self.template))
        for cost in costs:
            yield f"  {cost.dollars:6.2f}  {cost.item}"
        yield f"  {sum(cost.dollars for cost in costs):6.2f}  in total, without records"
        yield f"  {PER_GB_INGESTED:6.2f}  per GB of audit records (about a million records)"
        yield f"  {PER_GB_MONTH_STORED:6.2f}  per stored GB and month, after compression"
        yield ""
        yield f"`cdk destroy` keeps {names.log_group}, its key, the queue of rejected records, and"
        yield "the outbox of what waits to be told."


def _template(assembly: Path, stack_name: str) -> tuple[str, dict[str, Any]]:
    names = []
    for stack in stacks_of(assembly):
        if stack.name == stack_name:
            return stack.id, json.loads(stack.template)
        names.append(stack.name)
    raise PlanError(
        f"the CDK app has no stack named {stack_name!r}: found {names}; give its stack the name"
        " that [audit] name has in audit.toml"
    )


def _status(cloudformation: Any, stack: str) -> str:
    try:
        [found] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return ""
        raise
    return str(found["StackStatus"])


def _kept(
    log_group: str, template: Mapping[str, Any], client: Callable[[str], Any]
) -> dict[str, dict[str, str]]:
    """Return the resources to import: the audit log group and its key, if an earlier stack retained them."""
    pages = client("logs").get_paginator("describe_log_groups")
    groups = [g for page in pages.paginate(logGroupNamePrefix=log_group) for g in page["logGroups"]]
    found = next((group for group in groups if group["logGroupName"] == log_group), None)
    if found is None:
        return {}
    key_id = found.get("kmsKeyId", "").rpartition("/")[2]
    if not key_id:
        raise PlanError(
            f"the log group {log_group} exists without a KMS key, so it is not from an earlier"
            " stack of this trail. Choose another [audit] name in audit.toml, or export the log"
            " group and delete it"
        )
    state = client("kms").describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"]
    if state != "Enabled":
        cancel = f"`aws kms cancel-key-deletion --key-id {key_id}`, then "
        raise PlanError(
            f"the KMS key {key_id} of the log group {log_group} has the state {state}; its records"
            " cannot be read without the key. Run"
            f" {cancel if state == 'PendingDeletion' else ''}`aws kms enable-key --key-id {key_id}`"
        )
    resources = template["Resources"].items()
    groups_of_app = [
        (id_, body["Properties"])
        for id_, body in resources
        if body["Type"] == _GROUP and body.get("Properties", {}).get("LogGroupName") == log_group
    ]
    if len(groups_of_app) != 1:
        raise PlanError(
            f"the CDK app has {len(groups_of_app)} log groups named {log_group}; define exactly"
            " one, as which the existing log group is imported"
        )
    [(group_id, properties)] = groups_of_app
    key = properties.get("KmsKeyId")
    key_logical_id = str(key.get("Fn::GetAtt", [""])[0]) if isinstance(key, dict) else ""
    if template["Resources"].get(key_logical_id, {}).get("Type") != _KEY:
        raise PlanError(
            f"the log group {log_group} exists from an earlier stack with the KMS key {key_id},"
            f" but {group_id} in the CDK app has no key of the same stack. Set its `KmsKeyId` to"
            " `Fn::GetAtt` of an `AWS::KMS::Key`, as which the existing key is imported"
        )
    return {group_id: {"LogGroupName": log_group}, key_logical_id: {"KeyId": key_id}}
