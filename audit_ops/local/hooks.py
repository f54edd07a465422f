"""Every place where moto is changed, in one list, and the check that each is still what it was.

moto is pinned exactly: these are private names. `Hooks.install` refuses to start on a moto whose
functions have other parameters than these hooks were written for.
"""

import inspect
import json
import logging
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import moto.logs.models
from moto.awslambda.models import LambdaFunction
from moto.cloudformation.responses import CloudFormationResponse
from moto.cloudwatch.models import Alarm, CloudWatchBackend
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.errors import COMMON_ERROR_CODES
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.iam.access_control import PermissionResult
from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.logs.models import LogsBackend, LogStream
from moto.logs.responses import LogsResponse
from moto.s3.models import FakeBucket
from moto.ses.models import SESBackend
from moto.sns.models import Subscription
from werkzeug.exceptions import HTTPException

from audit_ops.local.cloudformation import operations
from audit_ops.local.log_groups import PatternFilter
from audit_ops.local.messaging import sns_event
from audit_ops.local.policies import Request, effects

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit_ops.local.cloud import LocalCloud

__all__ = ["HookError", "Hooks"]


log = logging.getLogger(__name__)
_ACCESS_DENIED = "AccessDeniedException"


class HookError(Exception):
    """moto is not the one that these hooks were written for."""


class _AccessDeniedError(ServiceException):
    """What every service answers; moto looks a class of its own up in a model of its module."""


class Hooks:
    """Changes moto for one cloud, and puts everything back."""

    def __init__(self, cloud: "LocalCloud") -> None:
        self._cloud = cloud
        self._undo: list[Callable[[], None]] = []

    def install(self) -> None:
        """Put all hooks in.

        Raises:
            HookError: a function of moto is gone or has other parameters.
        """
        try:
            self._clock_and_permissions()
            self._log_events()
            self._log_filters()
            self._log_operations()
            self._alarms_and_messages()
            self._functions()
            self._cloudformation()
        except BaseException:
            self.uninstall()
            raise

    def uninstall(self) -> None:
        """Take all hooks out, the last one first."""
        while self._undo:
            self._undo.pop()()

    def _replace(self, holder: Any, name: str, parameters: str, replacement: Any) -> Any:
        """Replace `holder.name`; give the original. `parameters` are those it must have."""
        place = f"{getattr(holder, '__qualname__', holder.__name__)}.{name}"
        original = vars(holder).get(name)
        if original is None:
            raise HookError(f"moto has no {place} any more; install the moto that is pinned")
        found = " ".join(inspect.signature(original).parameters)
        if found != parameters:
            raise HookError(f"moto's {place} takes ({found}), not ({parameters})")
        self._swap(holder, name, replacement)
        return original

    def _swap(self, holder: Any, name: str, value: Any) -> None:
        original = vars(holder)[name]
        setattr(holder, name, value)
        self._undo.append(lambda: setattr(holder, name, original))

    def _add(self, holder: Any, name: str, method: Any) -> None:
        """Add an operation that moto lacks."""
        if hasattr(holder, name):
            raise HookError(f"moto has a {name} of its own by now; use that")
        setattr(holder, name, method)
        self._undo.append(lambda: delattr(holder, name))

    def _clock_and_permissions(self) -> None:
        cloud = self._cloud
        cloud.clock.install()
        self._undo.append(cloud.clock.uninstall)
        COMMON_ERROR_CODES.append(_ACCESS_DENIED)  # any service may say so
        self._undo.append(lambda: COMMON_ERROR_CODES.remove(_ACCESS_DENIED))

        def refuse_if(response: Any, operation: str, given: dict[str, Any]) -> None:
            signature = response.headers.get("Authorization", "")
            scope = signature.partition("Credential=")[2].split("/")
            if cloud.permissions.knows(scope[0]):
                service = {"monitoring": "cloudwatch"}.get(scope[3], scope[3])
                refusal = cloud.permissions.refusal(scope[0], service, operation, given)
                if refusal:
                    log.warning("%s", refusal)
                    raise _denied(response, refusal)

        def authorize(response: Any, resource: str = "*") -> None:  # noqa: ARG001 - moto's own guess
            operation = response._get_action()  # noqa: SLF001 - moto has no other way
            refuse_if(response, operation, _parameters(response))

        def authorize_s3(
            response: Any, bucket_name: str | None = None, key_name: str | None = None
        ) -> None:
            given = {"Bucket": bucket_name or "*", "Key": key_name}
            refuse_if(response, response.data.get("Action", "(unknown)"), given)

        def get_permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
            """Evaluate a bucket's policy with its conditions, which moto leaves out."""
            if bucket.policy is None:
                return PermissionResult.NEUTRAL
            statements = json.loads(bucket.policy)["Statement"]
            secure = {"aws:SecureTransport": "true"}
            found = effects(statements, Request(action=action, resource=resource, context=secure))
            if "Deny" in found:
                return PermissionResult.DENIED
            return PermissionResult.PERMITTED if found else PermissionResult.NEUTRAL

        self._replace(FakeBucket, "get_permission", "self action resource", get_permission)
        self._replace(
            ActionAuthenticatorMixin,
            "_authenticate_and_authorize_normal_action",
            "self resource",
            authorize,
        )
        self._replace(
            ActionAuthenticatorMixin,
            "_authenticate_and_authorize_s3_action",
            "self bucket_name key_name",
            authorize_s3,
        )

    def _log_events(self) -> None:
        logs = self._cloud.log_groups

        def put(
            backend: LogsBackend,
            log_group_name: str,
            log_stream_name: str,
            log_events: list[dict[str, Any]],
        ) -> tuple[str, dict[str, int]]:
            group = backend.groups.get(log_group_name)
            if group is None:
                raise ResourceNotFoundException
            return logs.put(group, log_stream_name, log_events)

        def write(stream: LogStream, log_events: list[dict[str, Any]]) -> str:
            return logs.write(stream, log_events)

        self._replace(
            LogsBackend, "put_log_events", "self log_group_name log_stream_name log_events", put
        )
        self._replace(LogStream, "put_log_events", "self log_events", write)
        self._replace(moto.logs.models, "EventMessageFilter", "pattern", PatternFilter)

    def _log_filters(self) -> None:
        logs = self._cloud.log_groups

        def put_metric_filter(backend: LogsBackend, *args: Any, **given: Any) -> None:
            names = ("filter_name", "filter_pattern", "log_group_name", "metric_transformations")
            given.update(zip(names, args, strict=False))
            if given["log_group_name"] not in backend.groups:
                raise ResourceNotFoundException
            logs.check_metric_filter(backend, given["log_group_name"], given)
            original_metric_filter(backend, **given)

        original_metric_filter = self._replace(
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
            role_arn: str,
        ) -> None:
            group = backend.groups.get(log_group_name)
            if group is None:
                raise ResourceNotFoundException
            logs.check_subscription(group, filter_name, filter_pattern, destination_arn)
            if ":lambda:" in destination_arn and not self._cloud.logs_may_invoke(
                group, destination_arn
            ):
                raise InvalidParameterException(
                    "Could not execute the lambda function. Make sure you have given CloudWatch Logs"
                    " permission to execute your function."
                )
            original_subscription(
                backend, log_group_name, filter_name, filter_pattern, destination_arn, role_arn
            )

        original_subscription = self._replace(
            LogsBackend,
            "put_subscription_filter",
            "self log_group_name filter_name filter_pattern destination_arn role_arn",
            put_subscription_filter,
        )

    def _log_operations(self) -> None:
        logs = self._cloud.log_groups

        def delete_log_group(backend: LogsBackend, log_group_name: str) -> None:
            if log_group_name in logs.protected:
                raise InvalidParameterException(
                    "The log group cannot be deleted because deletion protection is enabled."
                )
            original_delete(backend, log_group_name)

        original_delete = self._replace(
            LogsBackend, "delete_log_group", "self log_group_name", delete_log_group
        )

        def put_query_definition(response: LogsResponse) -> str:
            given = json.loads(response.body)
            id_ = given.get("queryDefinitionId") or str(uuid4())
            logs.queries[id_] = {
                "queryLanguage": "CWLI",
                "queryDefinitionId": id_,
                "name": given["name"],
                "queryString": given["queryString"],
                "logGroupNames": given.get("logGroupNames", []),
                "lastModified": self._cloud.clock.now_ms(),
            }
            return json.dumps({"queryDefinitionId": id_})

        def delete_query_definition(response: LogsResponse) -> str:
            id_ = json.loads(response.body)["queryDefinitionId"]
            return json.dumps({"success": logs.queries.pop(id_, None) is not None})

        def describe_query_definitions(response: LogsResponse) -> str:
            prefix = json.loads(response.body).get("queryDefinitionNamePrefix", "")
            found = [q for q in logs.queries.values() if q["name"].startswith(prefix)]
            return json.dumps({"queryDefinitions": sorted(found, key=lambda q: str(q["name"]))})

        def associate_kms_key(response: LogsResponse) -> str:
            given = json.loads(response.body)
            group = response.logs_backend.groups.get(given["logGroupName"])
            if group is None:
                raise ResourceNotFoundException
            group.kms_key_id = given["kmsKeyId"]
            return "{}"

        def put_log_group_deletion_protection(response: LogsResponse) -> str:
            given = json.loads(response.body)
            change = (
                logs.protected.add if given["deletionProtectionEnabled"] else logs.protected.discard
            )
            change(given["logGroupIdentifier"])
            return "{}"

        self._add(LogsResponse, "associate_kms_key", associate_kms_key)
        self._add(LogsResponse, "put_query_definition", put_query_definition)
        self._add(LogsResponse, "delete_query_definition", delete_query_definition)
        self._add(LogsResponse, "describe_query_definitions", describe_query_definitions)
        self._add(
            LogsResponse, "put_log_group_deletion_protection", put_log_group_deletion_protection
        )

    def _alarms_and_messages(self) -> None:
        cloud = self._cloud

        def update_state(alarm: Alarm, reason: str, reason_data: str, state_value: str) -> None:
            before = alarm.state_value
            original_state(alarm, reason, reason_data, state_value)
            cloud.alarms.changed(alarm, before)

        original_state = self._replace(
            Alarm, "update_state", "self reason reason_data state_value", update_state
        )

        def put_metric_alarm(backend: CloudWatchBackend, **given: Any) -> Any:
            known = backend.alarms.get(given["name"])
            alarm = original_alarm(backend, **given)
            if known is None:  # an alarm begins without data, not as OK
                alarm.state_value = "INSUFFICIENT_DATA"
            return alarm

        original_alarm = self._replace(
            CloudWatchBackend,
            "put_metric_alarm",
            "self name namespace metric_name comparison_operator evaluation_periods period threshold"
            " statistic description dimensions alarm_actions metric_data_queries datapoints_to_alarm"
            " extended_statistic ok_actions insufficient_data_actions unit actions_enabled"
            " treat_missing_data evaluate_low_sample_count_percentile threshold_metric_id rule tags",
            put_metric_alarm,
        )

        def publish(  # noqa: PLR0913, PLR0917 - moto's own
            subscription: Subscription,
            message: str,
            message_id: str,
            subject: str | None = None,
            message_attributes: dict[str, Any] | None = None,
            group_id: str | None = None,
            deduplication_id: str | None = None,
            message_structure: str | None = None,
        ) -> None:
            if subscription.protocol != "lambda":
                original_publish(
                    subscription, message, message_id, subject, message_attributes,
                    group_id, deduplication_id, message_structure,
                )  # fmt: skip
                return
            event = sns_event(
                topic_arn=subscription.topic.arn,
                subscription_arn=subscription.arn,
                subject=subject,
                message=message,
                message_id=message_id,
                at=cloud.clock.now(),
            )
            redrive = subscription.attributes.get("RedrivePolicy")
            cloud.deliver(
                "sns.amazonaws.com",
                subscription.topic.arn,
                subscription.endpoint,
                event,
                dead_letter_arn=json.loads(redrive)["deadLetterTargetArn"] if redrive else "",
            )

        original_publish = self._replace(
            Subscription,
            "publish",
            "self message message_id subject message_attributes group_id deduplication_id"
            " message_structure",
            publish,
        )

        def send_raw_email(
            backend: SESBackend, source: str, destinations: list[str], raw_data: str
        ) -> Any:
            sent = original_send(backend, source, list(destinations), raw_data)
            cloud.mails.send(source, destinations, raw_data)
            return sent

        original_send = self._replace(
            SESBackend, "send_raw_email", "self source destinations raw_data", send_raw_email
        )

    def _functions(self) -> None:
        cloud = self._cloud

        def invoke(
            function: LambdaFunction, body: Any, request_headers: Any, response_headers: Any
        ) -> bytes:
            event = json.loads(body) if body else {}
            if request_headers.get("x-amz-invocation-type") == "Event":
                cloud.functions.invoke_later(function.function_name, event)
                return b""
            outcome = cloud.functions.invoke(function.function_name, event)
            if outcome.failed:
                response_headers["x-amz-function-error"] = "Unhandled"
            return outcome.payload.encode()

        self._replace(
            LambdaFunction, "invoke", "self body request_headers response_headers", invoke
        )

    def _cloudformation(self) -> None:
        # How moto turns its own models into answers; ours have AWS's shape already.
        self._swap(CloudFormationResponse, "RESPONSE_KEY_PATH_TO_TRANSFORMER", {})
        for name, operation in operations(self._cloud).items():
            if name in vars(CloudFormationResponse):
                self._replace(CloudFormationResponse, name, "self", operation)
            else:
                self._add(CloudFormationResponse, name, operation)


def _parameters(response: Any) -> dict[str, Any]:
    """Give the parameters of a call, whatever protocol it came by."""
    given = response.body
    if not isinstance(given, dict):  # some of moto's services have read it already
        try:
            given = json.loads(given) if given else {}
        except ValueError:
            given = {}
    if isinstance(given, dict) and given:
        return given
    parameters = response._get_params()  # noqa: SLF001 - moto's own way for the other protocols
    return parameters if isinstance(parameters, dict) else {}


def _denied(response: Any, message: str) -> HTTPException:
    """Give AccessDenied in the words and the protocol of the service that was called."""
    refused = ActionResult(_AccessDeniedError(_ACCESS_DENIED, message))
    status, headers, body = response.serialized(refused)
    response.response_headers.update(headers)
    error = HTTPException(description=body)
    error.code = status
    return error
