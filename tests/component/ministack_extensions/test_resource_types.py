"""The emulator supports all resource types of the templates, and replaces them when AWS does."""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from local_cloud.ministack import PYTHON
from servers import REPOSITORY
from support.emulated_account import Account

TEMPLATES = sorted(REPOSITORY.glob("infrastructure/**/*.yaml"))
LISTS = """
import json
from ministack.services.cloudformation import provisioners
from ministack_extensions.replacement import add_replacements

add_replacements()
print(json.dumps([provisioners._REPLACING_PROPERTIES, provisioners._CONDITIONALLY_REPLACING_PROPERTIES]))
"""


def types() -> list[str]:
    """Return the resource types of all templates, without custom resources."""
    documents: list[Any] = [load(str(path)) for path in TEMPLATES]
    found = {resource["Type"] for document in documents for resource in document.get("Resources", {}).values()}
    return sorted(name for name in found if not name.startswith("Custom::"))


@cache
def emulated() -> list[dict[str, list[str]]]:
    """Return, by resource type, the properties that always replace a resource and those that may replace it."""
    lists = subprocess.run([PYTHON, "-c", LISTS], capture_output=True, text=True, check=True)
    found: list[dict[str, list[str]]] = json.loads(lists.stdout)
    return found


@pytest.mark.parametrize("name", types())
def test_the_same_properties_replace_a_resource_as_on_aws(name: str) -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).schema
    always, conditionally = emulated()
    # Only top-level properties: change sets of the emulator have no others.
    created = {Path(path).name for path in schema.get("createOnlyProperties", []) if path.count("/") == 2}
    assert set(always[name]) == created
    perhaps = {Path(path).name for path in schema.get("conditionalCreateOnlyProperties", [])}
    assert set(conditionally.get(name, [])) == perhaps


@pytest.mark.parametrize("name", types())
def test_the_emulator_supports_the_type(account: Account, stack: str, name: str) -> None:
    account.plan(stack, {"Resources": {"One": {"Type": name}}})
