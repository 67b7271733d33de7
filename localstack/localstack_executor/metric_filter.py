"""AWS::Logs::MetricFilter, which LocalStack's CloudFormation accepts without creating it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-metricfilter.html
"""

from typing import Any

from localstack.services.cloudformation.provider_utils import generate_default_name, keys_pascalcase_to_lower_camelcase
from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent, ResourceProvider

from localstack_executor.log_metrics import check_pattern


class MetricFilterProvider(ResourceProvider):  # type: ignore[misc] # LocalStack is in another environment
    """Creates metric filters for the logs of functions."""

    TYPE = "AWS::Logs::MetricFilter"
    SCHEMA = {  # noqa: RUF012 - like its base class
        "typeName": TYPE,
        "primaryIdentifier": ["/properties/FilterName"],
        "createOnlyProperties": ["/properties/FilterName", "/properties/LogGroupName"],
        "required": ["FilterPattern", "LogGroupName", "MetricTransformations"],
    }

    def create(self, request: Any) -> Any:
        """Create the filter."""
        model = request.desired_state
        model.setdefault("FilterName", generate_default_name(request.stack_name, request.logical_resource_id))
        return self._put(request, model)

    def update(self, request: Any) -> Any:
        """Replace the filter with the same name."""
        return self._put(request, {**request.desired_state, "FilterName": request.previous_state["FilterName"]})

    def delete(self, request: Any) -> Any:
        """Delete the filter."""
        model = request.previous_state
        request.aws_client_factory.logs.delete_metric_filter(
            logGroupName=model["LogGroupName"], filterName=model["FilterName"]
        )
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=model)

    def _put(self, request: Any, model: dict[str, Any]) -> Any:
        check_pattern(model["FilterPattern"])
        request.aws_client_factory.logs.put_metric_filter(**keys_pascalcase_to_lower_camelcase(model))
        return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=model)
