"""Releases of Lambda functions as in a deployment: a new version, to which the alias is moved."""

from collections.abc import Mapping
from typing import Any

ALIAS = "live"


def release(functions: Any, name: str, variables: Mapping[str, str], **settings: Any) -> str:
    """Release a function with more environment variables and other settings.

    Returns:
        The previous version of the alias.
    """
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**before, **variables}}, **settings
    )
    return _publish(functions, name)


def release_code(functions: Any, name: str, **package: Any) -> str:
    """Release a function with another package, and return the previous version of the alias."""
    functions.update_function_code(FunctionName=name, **package)
    return _publish(functions, name)


def point_to(functions: Any, name: str, version: str) -> str:
    """Move the alias to a version of a function, and return its previous version."""
    before: str = functions.get_alias(FunctionName=name, Name=ALIAS)["FunctionVersion"]
    functions.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
    return before


def _publish(functions: Any, name: str) -> str:
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    version = functions.publish_version(FunctionName=name)["Version"]
    functions.get_waiter("published_version_active").wait(
        FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 1}
    )
    return point_to(functions, name, version)
