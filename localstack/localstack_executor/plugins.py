"""The plugins that LocalStack finds through entry points. It imports them early, so they import the rest later."""

from localstack.runtime import hooks
from localstack.services.cloudformation.resource_provider import CloudFormationResourceProviderPlugin
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class ProcessExecutorPlugin(RuntimeExecutorPlugin):  # type: ignore[misc] # LocalStack is in another environment
    """LAMBDA_RUNTIME_EXECUTOR=process."""

    name = "process"

    def load(self, *_: object) -> type:
        """Return the class."""
        from localstack_executor.executor import ProcessExecutor

        return ProcessExecutor


class MetricFilterPlugin(CloudFormationResourceProviderPlugin):  # type: ignore[misc]
    """AWS::Logs::MetricFilter."""

    name = "AWS::Logs::MetricFilter"

    def load(self) -> None:
        """Import the provider; LocalStack creates one for each request."""
        from localstack_executor.metric_filter import MetricFilterProvider

        self.factory = MetricFilterProvider


class CustomResourcePlugin(CloudFormationResourceProviderPlugin):  # type: ignore[misc]
    """AWS::CloudFormation::CustomResource and Custom::…."""

    name = "AWS::CloudFormation::CustomResource"

    def load(self) -> None:
        """Import the provider; LocalStack creates one for each request."""
        from localstack_executor.custom_resource import CustomResourceProvider

        self.factory = CustomResourceProvider


@hooks.on_infra_start()  # type: ignore[untyped-decorator]
def correct() -> None:
    """Apply the corrections."""
    from localstack_executor import corrections

    corrections.correct()
