"""Creates a Lambda function with its log group, role and dead-letter queue."""

from collections.abc import Mapping

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from audit_infra.assets import FunctionAsset

__all__ = ["AuditFunction", "dead_letter_queue", "logs_may_invoke"]


class AuditFunction(Construct):
    """A Lambda function that is invoked asynchronously, on Python 3.13 and arm64.

    Its log is kept for three months. Its role can write to its own log group and send to its own
    dead-letter queue; the stack grants all other permissions.

    Attributes:
        function: the Lambda function.
        role: the execution role of the function.
        dead_letters: the dead-letter queue of events that failed three times.
    """

    def __init__(  # noqa: PLR0913 - the properties of a function
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        asset: FunctionAsset,
        handler: str = "handler",
        timeout: Duration,
        environment: Mapping[str, str],
        memory_mb: int = 256,
    ) -> None:
        super().__init__(scope, id_)
        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{name}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(self.role)
        self.dead_letters = dead_letter_queue(self, "DeadLetters")
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler=asset.handler(handler),
            code=lambda_.Code.from_asset(str(asset.path)),
            role=self.role,
            log_group=log_group,
            timeout=timeout,
            memory_size=memory_mb,
            environment=dict(environment),
            dead_letter_queue=self.dead_letters,
        )


def dead_letter_queue(scope: Construct, id_: str) -> sqs.Queue:
    """Create an encrypted SQS queue that requires TLS and keeps messages for 14 days, the maximum of SQS."""
    return sqs.Queue(
        scope,
        id_,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(14),
    )


def logs_may_invoke(
    scope: Construct, function: lambda_.IFunction, source_arn: str
) -> lambda_.CfnPermission:
    """Allow the subscription filters of this account to invoke a function; call it once per scope.

    Args:
        scope: the scope of the permission.
        function: the function.
        source_arn: the ARN of the log group, or a pattern for several.

    Returns:
        The permission, on which the subscription filters must depend.
    """
    return lambda_.CfnPermission(
        scope,
        "CloudWatchLogsMayInvoke",
        action="lambda:InvokeFunction",
        function_name=function.function_arn,
        principal=iam.ServicePrincipal("logs.amazonaws.com").service,
        source_account=Aws.ACCOUNT_ID,
        source_arn=source_arn,
    )
