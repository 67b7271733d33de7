"""What LocalStack does otherwise than AWS, where we notice. It patches private names: the version is exact."""

from __future__ import annotations

import json
from typing import Any

from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from moto.iam.policy_validation import BaseIAMPolicyValidator


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
        with_document(self, json.dumps(_with_texts(json.loads(policy_document))))

    BaseIAMPolicyValidator.__init__ = with_texts


def _with_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_texts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_texts(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else value
