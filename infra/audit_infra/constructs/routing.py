"""Creates the subscription filters that send the audit records of the source log groups to the router."""

from collections.abc import Sequence

from aws_cdk import Aws
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from audit_infra.constructs.function import logs_may_invoke
from audit_rules import AUDIT_PATTERN

__all__ = ["Routing"]


class Routing(Construct):
    """A subscription filter on each source log group, and one permission to invoke the router."""

    def __init__(
        self, scope: Construct, id_: str, *, log_groups: Sequence[str], router: lambda_.IFunction
    ) -> None:
        super().__init__(scope, id_)
        # One permission for all groups, because a function's policy is limited to about 20 KB.
        every_group = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:*:*"
        permission = logs_may_invoke(self, router, every_group)
        for name in log_groups:
            subscription = logs.CfnSubscriptionFilter(
                self,
                f"From{name.replace('/', '.')}",
                log_group_name=name,
                filter_name="audit-records",
                filter_pattern=AUDIT_PATTERN.text,
                destination_arn=router.function_arn,
            )
            subscription.node.add_dependency(permission)
