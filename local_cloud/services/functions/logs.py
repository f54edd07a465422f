"""Writes the output of Lambda functions to their log groups."""

import logging

from moto.logs.models import logs_backends

from local_cloud._protocol import Cloud
from local_cloud.services.functions.configuration import FunctionConfiguration
from local_cloud.services.log_agent import put_lines
from local_cloud.services.permissions import Permissions
from local_cloud.services.policies import AccessRequest
from local_cloud.services.resource_policies import key_allows_logs

__all__ = ["write_function_log"]

log = logging.getLogger(__name__)


def write_function_log(
    cloud: Cloud,
    permissions: Permissions,
    configuration: FunctionConfiguration,
    stream: str,
    lines: list[str],
) -> None:
    """Write lines to a function's log group, which is created if missing.

    If the function's execution role does not allow it, or the log group's KMS key cannot be used, the lines
    are lost, as on AWS, and a warning is logged.

    Args:
        cloud: the cloud.
        permissions: the permissions of the functions' execution roles.
        configuration: the function's configuration.
        stream: the log stream's name.
        lines: the lines.
    """
    group = configuration.log_group
    resource = f"log-group:{group}"
    needed = {
        "logs:CreateLogStream": f"{resource}:log-stream:{stream}",
        "logs:PutLogEvents": f"{resource}:log-stream:{stream}",
    }
    is_new = group not in logs_backends[cloud.account][cloud.region].groups
    if is_new:
        needed["logs:CreateLogGroup"] = resource
    for action, name in needed.items():
        request = AccessRequest(action=action, resource=cloud.arn("logs", name))
        if not permissions.role_allows(configuration.role_arn, request):
            log.warning(
                "function %s: its log lines are lost: the role %s does not allow %s on %s",
                configuration.name,
                configuration.role_arn,
                action,
                request.resource,
            )
            return
    if is_new:
        cloud.client("logs").create_log_group(logGroupName=group)
    elif not key_allows_logs(cloud, logs_backends[cloud.account][cloud.region].groups[group]):
        log.warning(
            "function %s: its log lines are lost: the KMS key of %s cannot be used",
            configuration.name,
            group,
        )
        return
    put_lines(cloud, group, lines, stream=stream)
