"""Releases of Lambda functions as deployments make them: a new version, and the alias moved to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ALIAS = "live"


def release(functions: Any, name: str, variables: Mapping[str, str]) -> None:
    """Let a function have other environment variables, beside those that it has."""
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**before, **variables}})
    _publish(functions, name)


def release_code(functions: Any, name: str, bucket: str, key: str) -> None:
    """Let a function run another package."""
    functions.update_function_code(FunctionName=name, S3Bucket=bucket, S3Key=key)
    _publish(functions, name)


def _publish(functions: Any, name: str) -> None:
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    version = functions.publish_version(FunctionName=name)["Version"]
    functions.get_waiter("published_version_active").wait(
        FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 1}
    )
    functions.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
