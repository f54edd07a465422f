"""Patches moto's CloudWatch Logs: checks metric and subscription filters; adds saved queries."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from moto.core.exceptions import JsonRESTError
from moto.logs.exceptions import InvalidParameterException
from moto.logs.models import LogsBackend, SubscriptionFilter
from moto.logs.responses import LogsResponse

from local_cloud.hooks._protocol import HookedCloud
from local_cloud.hooks.patches import Patches, parameters_of
from local_cloud.services.log_classes import check_standard
from local_cloud.services.log_groups import group_named
from local_cloud.services.log_limits import check_destination
from local_cloud.services.resource_policies import function_allows

__all__ = ["install"]


class _NotEvaluatedError(JsonRESTError):
    code = 400

    def __init__(self, query: str) -> None:
        commands = [part.split()[0] for part in query.split("|") if part.split()]
        super().__init__(
            "MalformedQueryException",
            "the embedded cloud does not evaluate queries of CloudWatch Logs Insights; found the"
            f" commands {', '.join(commands) or '(none)'}; use FilterLogEvents",
        )


def install(patches: Patches, cloud: HookedCloud) -> None:
    """Patch the operations on metric filters and subscription filters; add those on query definitions.

    Queries of Logs Insights are rejected, because moto would return every log event for them.
    """
    _filters(patches, cloud)
    _queries(patches, cloud)


def _filters(patches: Patches, cloud: HookedCloud) -> None:
    logs = cloud.log_groups

    def put_metric_filter(
        backend: LogsBackend,
        filter_name: str,
        filter_pattern: str,
        log_group_name: str,
        metric_transformations: list[dict[str, Any]],
    ) -> None:
        check_standard(group_named(backend, log_group_name), "PutMetricFilter")
        logs.check_metric_filter(
            backend, log_group_name, filter_name, filter_pattern, metric_transformations
        )
        backend.filters.delete_filter(filter_name, log_group_name)  # moto would keep both
        original_put(backend, filter_name, filter_pattern, log_group_name, metric_transformations)
        backend.filters.metric_filters[-1] |= {
            "applyOnTransformedLogs": False,
            "creationTime": cloud.clock.now_ms(),
        }

    original_put = patches.replace(
        LogsBackend,
        "put_metric_filter",
        "self filter_name filter_pattern log_group_name metric_transformations",
        put_metric_filter,
    )

    def put_subscription_filter(  # noqa: PLR0913, PLR0917 - moto's own
        backend: LogsBackend,
        log_group_name: str,
        filter_name: str,
        filter_pattern: str,
        destination_arn: str,
        role_arn: str | None,
    ) -> None:
        check_destination(destination_arn, role_arn)
        if ":lambda:" not in destination_arn:
            raise InvalidParameterException(
                f"the embedded cloud does not support the destination {destination_arn}; use a"
                " function"
            )
        group = group_named(backend, log_group_name)
        check_standard(group, "PutSubscriptionFilter")
        logs.check_subscription(group, filter_name, filter_pattern)
        if ":lambda:" in destination_arn and not function_allows(
            cloud, destination_arn, service="logs.amazonaws.com", source_arn=f"{group.arn}:*"
        ):
            raise InvalidParameterException(
                "Could not execute the lambda function. Make sure you have given CloudWatch Logs"
                " permission to execute your function."
            )
        known = group.subscription_filters.pop(filter_name, None)  # moto counts it as a second one
        try:
            original_subscription(
                backend, log_group_name, filter_name, filter_pattern, destination_arn, role_arn
            )
        except BaseException:
            if known is not None:
                group.subscription_filters[filter_name] = known
            raise

    original_subscription = patches.replace(
        LogsBackend,
        "put_subscription_filter",
        "self log_group_name filter_name filter_pattern destination_arn role_arn",
        put_subscription_filter,
    )

    def described(subscription: SubscriptionFilter) -> dict[str, Any]:
        found = original_described(subscription) | {"applyOnTransformedLogs": False}
        return {name: value for name, value in found.items() if value is not None}

    original_described = patches.replace(SubscriptionFilter, "to_json", "self", described)


def _queries(patches: Patches, cloud: HookedCloud) -> None:
    logs = cloud.log_groups

    def put_query_definition(parameters: Mapping[str, Any]) -> dict[str, Any]:
        id_ = parameters.get("queryDefinitionId") or str(uuid4())
        logs.queries[id_] = {
            "queryLanguage": "CWLI",
            "queryDefinitionId": id_,
            "name": parameters["name"],
            "queryString": parameters["queryString"],
            "logGroupNames": parameters.get("logGroupNames", []),
            "lastModified": cloud.clock.now_ms(),
        }
        return {"queryDefinitionId": id_}

    def delete_query_definition(parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {"success": logs.queries.pop(parameters["queryDefinitionId"], None) is not None}

    def describe_query_definitions(parameters: Mapping[str, Any]) -> dict[str, Any]:
        prefix = parameters.get("queryDefinitionNamePrefix", "")
        found = [q for q in logs.queries.values() if q["name"].startswith(prefix)]
        return {"queryDefinitions": sorted(found, key=lambda q: str(q["name"]))}

    def start_query(response: LogsResponse) -> str:
        """Reject a query: moto ignores all commands but three, and knows no fields of a message."""
        raise _NotEvaluatedError(parameters_of(response).get("queryString", ""))

    patches.replace(LogsResponse, "start_query", "self", start_query)

    def added(operation: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
        def answer(response: LogsResponse) -> str:
            return json.dumps(operation(parameters_of(response)))

        patches.add(LogsResponse, operation.__name__, answer)

    added(put_query_definition)
    added(delete_query_definition)
    added(describe_query_definitions)
