"""Releases of Lambda functions as deployments make them: a new version, and the alias moved to it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

ALIAS = "live"


def release(functions: Any, name: str, variables: Mapping[str, str]) -> None:
    """Let a function have other environment variables, beside those that it has."""
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**before, **variables}})
    _publish(functions, name)


def release_code(functions: Any, name: str, package: bytes, note: str) -> None:
    """Let a function run a package with one file more, so that the code is another and does the same."""
    changed = io.BytesIO(package)
    with zipfile.ZipFile(changed, "a") as archive:
        archive.writestr("note.txt", note)
    functions.update_function_code(FunctionName=name, ZipFile=changed.getvalue())
    _publish(functions, name)


def _publish(functions: Any, name: str) -> None:
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    version = functions.publish_version(FunctionName=name)["Version"]
    functions.get_waiter("published_version_active").wait(
        FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 1}
    )
    functions.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
