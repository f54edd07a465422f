"""Patches moto's CloudWatch Logs: log groups, log streams and log events behave as on AWS."""

import json
from typing import Any, Final

import moto.logs.models
from moto.core.exceptions import JsonRESTError
from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.logs.models import LogGroup, LogsBackend, LogStream
from moto.logs.responses import LogsResponse

from local_cloud.hooks._protocol import HookedCloud
from local_cloud.hooks.patches import Patches, parameters_of
from local_cloud.services.log_classes import (
    CLASSES,
    STANDARD,
    check_standard,
    class_of,
    keep_class,
)
from local_cloud.services.log_groups import PatternFilter, backend_of, group_named
from local_cloud.services.log_limits import (
    check_parameters,
    check_retention,
)
from local_cloud.services.resource_policies import check_logs_key, key_allows_logs

__all__ = ["install"]

_MAX_GROUPS: Final = 50
_NO_STREAM: Final = "The specified log stream does not exist."


class _StreamExistsError(JsonRESTError):
    """AWS's error for an existing log stream; moto's message names a log group instead."""

    code = 400

    def __init__(self) -> None:
        super().__init__(
            "ResourceAlreadyExistsException", "The specified log stream already exists"
        )


class _KeyError(JsonRESTError):
    """The error for log events whose KMS key CloudWatch Logs cannot use; AWS's code is not documented."""

    code = 400

    def __init__(self, group: LogGroup) -> None:
        super().__init__(
            "AccessDeniedException",
            f"The specified KMS key {group.kms_key_id} does not exist or is not allowed to be used"
            f" with LogGroup '{group.arn}'",
        )


def _check_key(cloud: HookedCloud, group: LogGroup) -> None:
    if not key_allows_logs(cloud, group):
        raise _KeyError(group)


def _check_new_key(cloud: HookedCloud, key: str, log_group: str) -> None:
    try:
        check_logs_key(cloud, key, log_group)
    except PermissionError as error:
        raise InvalidParameterException(
            "The specified KMS key does not exist or is not allowed to be used with LogGroup"
            f" '{cloud.arn('logs', f'log-group:{log_group}')}': {error}"
        ) from error


def install(patches: Patches, cloud: HookedCloud) -> None:
    """Patch the operations on log groups, log streams and log events.

    The patches check limits with AWS's messages, evaluate filter patterns, deliver new log events, and add
    deletion protection and `AssociateKmsKey`.
    """
    _checks(patches)
    _events(patches, cloud)
    _group_answers(patches, cloud)
    _group_changes(patches, cloud)
    _group_classes_and_keys(patches, cloud)


def _checks(patches: Patches) -> None:
    """Check the parameters as AWS does, before moto checks them with its own messages."""

    def checked(name: str) -> None:
        def operation(response: LogsResponse) -> Any:
            check_parameters(name, parameters_of(response))
            return original(response)

        original = patches.replace(LogsResponse, name, "self", operation)

    # `_group_classes_and_keys` has create_log_group.
    for name in (
        "create_log_stream", "delete_metric_filter", "describe_log_streams",
        "describe_metric_filters", "filter_log_events", "get_log_events", "put_metric_filter",
    ):  # fmt: skip
        checked(name)


def _events(patches: Patches, cloud: HookedCloud) -> None:
    logs = cloud.log_groups

    def put(
        backend: LogsBackend,
        log_group_name: str,
        log_stream_name: str,
        log_events: list[dict[str, Any]],
    ) -> tuple[str, dict[str, int]]:
        group = group_named(backend, log_group_name)
        _check_key(cloud, group)
        return logs.put(group, log_stream_name, log_events)

    def write(stream: LogStream, log_events: list[dict[str, Any]]) -> str:
        return logs.write(stream, log_events)

    patches.replace(
        LogsBackend, "put_log_events", "self log_group_name log_stream_name log_events", put
    )
    patches.replace(LogStream, "put_log_events", "self log_events", write)
    patches.swap(moto.logs.models, "EventMessageFilter", PatternFilter)

    def get(group: LogGroup, log_stream_name: str, *args: Any, **more: Any) -> Any:
        check_standard(group, "GetLogEvents")
        _check_key(cloud, group)
        if log_stream_name not in group.streams:
            raise ResourceNotFoundException(_NO_STREAM)
        return original_get(group, log_stream_name, *args, **more)

    original_get = patches.replace(
        LogGroup,
        "get_log_events",
        "self log_stream_name start_time end_time limit next_token start_from_head",
        get,
    )

    def filtered(group: LogGroup, *args: Any) -> Any:
        check_standard(group, "FilterLogEvents")
        _check_key(cloud, group)
        page, token, searched = original_filtered(group, *args)
        next_token = args[5]
        if next_token and not page:  # a token that moto returned has a page
            raise InvalidParameterException("The specified nextToken is invalid.")
        return page, token, searched

    original_filtered = patches.replace(
        LogGroup,
        "filter_log_events",
        "self log_group_name log_stream_names start_time end_time limit next_token filter_pattern"
        " interleaved",
        filtered,
    )


def _group_answers(patches: Patches, cloud: HookedCloud) -> None:
    logs = cloud.log_groups

    def described(group: LogGroup) -> dict[str, Any]:
        filters = backend_of(group).filters.get_matching_filters(log_group_name=group.name)
        found: dict[str, Any] = original_described(group)
        return found | {
            "deletionProtectionEnabled": group.name in logs.protected,
            "logGroupClass": class_of(group),
            "metricFilterCount": len(filters),
        }

    original_described = patches.replace(LogGroup, "to_describe_dict", "self", described)

    def describe_log_groups(response: LogsResponse) -> str:
        parameters = parameters_of(response)
        wanted_class = parameters.get("logGroupClass")
        prefix = parameters.get("logGroupNamePrefix")
        pattern = parameters.get("logGroupNamePattern")
        if prefix and pattern:
            raise InvalidParameterException(
                "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
            )
        groups = [
            group
            for name, group in sorted(response.logs_backend.groups.items())
            if name.startswith(prefix or "")
            and (pattern or "").lower() in name.lower()
            and wanted_class in {None, class_of(group)}
        ]
        begin, limit = int(parameters.get("nextToken") or 0), int(parameters.get("limit", 50))
        if not 1 <= limit <= _MAX_GROUPS:
            raise InvalidParameterException(f"limit: found {limit}, not 1 to {_MAX_GROUPS}")
        answer: dict[str, Any] = {
            "logGroups": [group.to_describe_dict() for group in groups[begin : begin + limit]]
        }
        if begin + limit < len(groups):
            answer["nextToken"] = str(begin + limit)
        return json.dumps(answer)

    patches.replace(LogsResponse, "describe_log_groups", "self", describe_log_groups)


def _group_changes(patches: Patches, cloud: HookedCloud) -> None:
    logs = cloud.log_groups

    def create_log_stream(group: LogGroup, log_stream_name: str) -> None:
        if log_stream_name in group.streams:
            raise _StreamExistsError
        original_stream(group, log_stream_name)

    original_stream = patches.replace(
        LogGroup, "create_log_stream", "self log_stream_name", create_log_stream
    )

    def put_retention(backend: LogsBackend, log_group_name: str, retention_in_days: Any) -> None:
        group = group_named(backend, log_group_name)
        check_retention(retention_in_days)
        group.set_retention_policy(retention_in_days)

    patches.replace(
        LogsBackend, "put_retention_policy", "self log_group_name retention_in_days", put_retention
    )

    def delete_log_group(backend: LogsBackend, log_group_name: str) -> None:
        if log_group_name in logs.protected:
            raise InvalidParameterException(
                "The log group cannot be deleted because deletion protection is enabled."
            )
        original_delete(backend, log_group_name)
        for each in backend.filters.get_matching_filters(log_group_name=log_group_name):
            backend.filters.metric_filters.remove(each)

    original_delete = patches.replace(
        LogsBackend, "delete_log_group", "self log_group_name", delete_log_group
    )

    def put_log_group_deletion_protection(response: LogsResponse) -> str:
        parameters = parameters_of(response)
        name = parameters["logGroupIdentifier"].rpartition(":log-group:")[2]
        group_named(response.logs_backend, name)
        enabled = parameters["deletionProtectionEnabled"]
        (logs.protected.add if enabled else logs.protected.discard)(name)
        return "{}"

    patches.add(
        LogsResponse, "put_log_group_deletion_protection", put_log_group_deletion_protection
    )


def _group_classes_and_keys(patches: Patches, cloud: HookedCloud) -> None:
    logs = cloud.log_groups

    def create_log_group(response: LogsResponse) -> Any:
        parameters = parameters_of(response)
        check_parameters("create_log_group", parameters)
        name, class_ = parameters["logGroupName"], parameters.get("logGroupClass", STANDARD)
        if class_ not in CLASSES:
            raise InvalidParameterException(
                f"the embedded cloud does not support the log group class {class_}; use one of"
                f" {', '.join(CLASSES)}"
            )
        if key := parameters.get("kmsKeyId"):
            _check_new_key(cloud, key, name)
        answer = original_create(response)
        keep_class(response.logs_backend.groups[name], class_)
        if parameters.get("deletionProtectionEnabled"):
            logs.protected.add(name)
        return answer

    original_create = patches.replace(LogsResponse, "create_log_group", "self", create_log_group)

    def associate_kms_key(response: LogsResponse) -> str:
        parameters = parameters_of(response)
        group = group_named(response.logs_backend, parameters["logGroupName"])
        _check_new_key(cloud, parameters["kmsKeyId"], group.name)
        group.kms_key_id = parameters["kmsKeyId"]
        return "{}"

    def disassociate_kms_key(response: LogsResponse) -> str:
        group_named(
            response.logs_backend, parameters_of(response)["logGroupName"]
        ).kms_key_id = None
        return "{}"

    patches.add(LogsResponse, "associate_kms_key", associate_kms_key)
    patches.add(LogsResponse, "disassociate_kms_key", disassociate_kms_key)
