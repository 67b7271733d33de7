"""Files that have to agree: templates, their wiring, the environments, and the services' settings."""

import importlib
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import cfnlint.decode
import pytest

from deploy.environment import INFRASTRUCTURE, Stack, load_environment

VARIABLES = (
    "ARTIFACT_BUCKET",
    "DATABASE_HOST",
    "DATABASE_PORT",
    "DATABASE_NAME",
    "MASTER_SECRET_ARN",
    "GALLERY_ORIGIN",
)
STACKS = {stack.name: stack for stack in load_environment("local", dict.fromkeys(VARIABLES, "x")).stacks}
SETTINGS = {
    "catalog": "catalog.handler.MigrationSettings",
    "thumbnail": "thumbnail.config.ThumbnailSettings",
    "annotate": "annotate.config.AnnotateSettings",
}
# What a laptop sets in the environment of the functions, and a template never does.
NOT_IN_TEMPLATES = {"DATABASE_CA_FILE", "GEMINI_API_KEY"}


def template(path: Path) -> dict[str, Any]:
    decoded, problems = cfnlint.decode.decode(str(path))
    assert not problems
    return dict(decoded)


@pytest.mark.parametrize("stack", STACKS.values(), ids=lambda stack: stack.name)
def test_a_template_gets_exactly_the_parameters_it_has(stack: Stack) -> None:
    parameters = template(stack.template)["Parameters"]
    given = {*stack.wired, *stack.parameters, *(["ArtifactBucket", "ArtifactKey"] if stack.service else [])}
    assert given <= parameters.keys()
    assert {name for name, parameter in parameters.items() if "Default" not in parameter} <= given


@pytest.mark.parametrize("stack", STACKS.values(), ids=lambda stack: stack.name)
def test_every_wired_output_exists(stack: Stack) -> None:
    for output in stack.wired.values():
        if output.stack in STACKS:
            assert output.name in template(STACKS[output.stack].template)["Outputs"]


@pytest.mark.parametrize("path", sorted((INFRASTRUCTURE / "templates").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_parameter_is_described_and_has_its_place_in_the_console(path: Path) -> None:
    content = template(path)
    groups = content["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert [name for group in groups for name in group["Parameters"]] == list(content["Parameters"])
    assert all(parameter.get("Description") for parameter in content["Parameters"].values())


@pytest.mark.parametrize("service", SETTINGS)
def test_a_function_gets_the_variables_that_its_settings_read(service: str) -> None:
    module, _, name = SETTINGS[service].rpartition(".")
    settings = fields(getattr(importlib.import_module(module), name))
    function = template(STACKS[service].template)["Resources"]["Function"]["Properties"]
    variables = set(function["Environment"]["Variables"])
    assert {field.name.upper() for field in settings if field.default is MISSING} <= variables
    assert variables <= {field.name.upper() for field in settings}
    assert {field.name.upper() for field in settings} - variables <= NOT_IN_TEMPLATES


@pytest.mark.parametrize("service", SETTINGS)
def test_the_handler_that_a_template_names_exists(service: str) -> None:
    function = template(STACKS[service].template)["Resources"]["Function"]["Properties"]
    module, _, name = function["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))
