"""Corrects LocalStack where it differs from AWS and this application notices.

It replaces private names, so the version of LocalStack is pinned exactly.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from localstack.aws.connect import connect_to
from localstack.services.cloudformation.engine.v2.change_set_resource_support_checker import (
    ChangeSetResourceSupportChecker,
)
from localstack.services.cloudformation.resource_provider import OperationStatus, ResourceProviderExecutor
from localstack.services.lambda_.invocation.event_manager import Poller
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.services.lambda_.invocation.lambda_models import Function
from localstack.services.lambda_.resource_providers.aws_lambda_function import LambdaFunctionProvider
from localstack.services.logs.provider import LogsProvider, get_moto_logs_backend
from localstack.services.moto import call_moto
from localstack.utils.aws import aws_stack
from localstack.utils.catalog.common import (
    CloudFormationResourcesSupportAtRuntime,
    CloudFormationResourcesSupportInLatest,
)
from moto.iam.policy_validation import BaseIAMPolicyValidator

from localstack_executor.log_metrics import metric_data
from localstack_executor.texts import as_texts


def correct() -> None:
    """Apply all corrections."""
    use_configured_log_groups()
    accept_booleans_in_policies()
    refuse_unknown_resource_types()
    apply_metric_filters()
    keep_reserved_concurrency()
    limit_concurrent_events()
    apply_settings_of_aliases()
    skip_dns_lookup()


def use_configured_log_groups() -> None:
    """Send the logs of a function to the group of its LoggingConfig; LocalStack uses one named after the function."""
    by_name = ExecutionEnvironment.get_log_group_name

    def configured(self: Any) -> str:
        return str(self.function_version.config.logging_config.get("LogGroup") or by_name(self))

    ExecutionEnvironment.get_log_group_name = configured


def accept_booleans_in_policies() -> None:
    """Accept true and false in policy conditions as strings, like CloudFormation and IAM."""
    with_document = BaseIAMPolicyValidator.__init__

    def with_texts(self: Any, policy_document: str) -> None:
        with_document(self, json.dumps(as_texts(json.loads(policy_document))))

    BaseIAMPolicyValidator.__init__ = with_texts  # type: ignore[method-assign]


def refuse_unknown_resource_types() -> None:
    """Refuse a change set with an unsupported resource type; LocalStack would query a catalog on the internet."""

    def support(_: Any, resource_type: str) -> Any:
        if ResourceProviderExecutor.try_load_resource_provider(resource_type):
            return CloudFormationResourcesSupportAtRuntime.AVAILABLE
        return CloudFormationResourcesSupportInLatest.NOT_SUPPORTED

    ChangeSetResourceSupportChecker._resource_support_status = support


def apply_metric_filters() -> None:
    """Publish the metrics that the filters of a log group extract from its lines."""

    def put_log_events(
        self: Any, context: Any, log_group_name: str, log_stream_name: str, log_events: Any, **_: Any
    ) -> Any:
        answer = call_moto(context)
        messages = [event["message"] for event in log_events]
        for metric_filter in get_moto_logs_backend(context.account_id, context.region).filters.metric_filters:
            if metric_filter["logGroupName"] == log_group_name and (points := metric_data(metric_filter, messages)):
                cloudwatch = connect_to(aws_access_key_id=context.account_id, region_name=context.region).cloudwatch
                namespace = metric_filter["metricTransformations"][0]["metricNamespace"]
                cloudwatch.put_metric_data(Namespace=namespace, MetricData=points)
        return answer

    LogsProvider.put_log_events = put_log_events


def keep_reserved_concurrency() -> None:
    """Set ReservedConcurrentExecutions of functions in stacks, which LocalStack's CloudFormation drops."""
    create, update = LambdaFunctionProvider.create, LambdaFunctionProvider.update
    LambdaFunctionProvider.create = lambda self, request: _reserve(request, create(self, request))
    LambdaFunctionProvider.update = lambda self, request: _reserve(request, update(self, request))


def _reserve(request: Any, event: Any) -> Any:
    if event.status == OperationStatus.SUCCESS:
        functions, name = request.aws_client_factory.lambda_, event.resource_model["FunctionName"]
        reserved = request.desired_state.get("ReservedConcurrentExecutions")
        if reserved is None:
            functions.delete_function_concurrency(FunctionName=name)
        else:
            functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=int(reserved))
    return event


def limit_concurrent_events() -> None:
    """Fetch at most as many events as the function reserves executions; LocalStack fetches more and postpones them."""
    with_any_number = Poller.__init__

    def with_reserved(self: Any, version_manager: Any, event_queue_url: str) -> None:
        with_any_number(self, version_manager, event_queue_url)
        reserved = version_manager.function.reserved_concurrent_executions
        if reserved:
            self.invoker_pool = ThreadPoolExecutor(reserved, thread_name_prefix="lambda-invoker")

    Poller.__init__ = with_reserved


def apply_settings_of_aliases() -> None:
    """Apply the event settings of an alias; LocalStack only looks for settings of its version."""
    with_settings_of_versions = Function.__init__

    def with_settings_of_aliases(self: Any, *arguments: Any, **more: Any) -> None:
        with_settings_of_versions(self, *arguments, **more)
        self.event_invoke_configs = _EventSettings(self)

    Function.__init__ = with_settings_of_aliases


def skip_dns_lookup() -> None:
    """Use S3 by its IP address: LocalStack would look up s3.127.0.0.1, which takes seconds without a network."""
    aws_stack.CACHE_S3_HOSTNAME_DNS_STATUS = False


class _EventSettings(dict[str, Any]):
    """The event settings of a function by qualifier; a version has those of its alias."""

    def __init__(self, function: Any) -> None:
        super().__init__(function.event_invoke_configs)
        self._function = function

    def get(self, qualifier: str, default: Any = None) -> Any:
        """Return the settings of a version or an alias."""
        leading = [alias.name for alias in self._function.aliases.values() if alias.function_version == qualifier]
        return next((self[name] for name in (qualifier, *leading) if name in self), default)
