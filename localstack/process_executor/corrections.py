"""What LocalStack does otherwise than AWS, where we notice. It patches private names: the version is exact."""

from __future__ import annotations

import json
from typing import Any

from localstack.services.cloudformation.engine.v2.change_set_resource_support_checker import (
    ChangeSetResourceSupportChecker,
)
from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.utils.catalog.common import (
    CloudFormationResourcesSupportAtRuntime,
    CloudFormationResourcesSupportInLatest,
)
from moto.iam.policy_validation import BaseIAMPolicyValidator

from process_executor.texts import as_texts


def use_configured_log_groups() -> None:
    """Send the logs of a function where its LoggingConfig says; LocalStack has one group for each name."""
    by_name = ExecutionEnvironment.get_log_group_name

    def configured(self: Any) -> str:
        return str(self.function_version.config.logging_config.get("LogGroup") or by_name(self))

    ExecutionEnvironment.get_log_group_name = configured


def accept_booleans_in_policies() -> None:
    """Take true and false in the conditions of policies for texts, as CloudFormation and IAM do."""
    with_document = BaseIAMPolicyValidator.__init__

    def with_texts(self: Any, policy_document: str) -> None:
        with_document(self, json.dumps(as_texts(json.loads(policy_document))))

    BaseIAMPolicyValidator.__init__ = with_texts


def refuse_unknown_resource_types() -> None:
    """Refuse a change set with a resource that cannot be made; LocalStack would ask a catalogue in the internet."""

    def support(_: Any, resource_type: str) -> Any:
        if ResourceProviderExecutor.try_load_resource_provider(resource_type):
            return CloudFormationResourcesSupportAtRuntime.AVAILABLE
        return CloudFormationResourcesSupportInLatest.NOT_SUPPORTED

    ChangeSetResourceSupportChecker._resource_support_status = support
