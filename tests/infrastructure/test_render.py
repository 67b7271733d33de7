"""The nested root template: the composition of the deploy tool, for the console and for taskcat."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

from deploy.environment import load_environment
from deploy.plan import package_keys
from deploy.render import render
from deploy.template import Template

Document = dict[str, Any]

STAGING = load_environment("staging", {"AWS_ACCOUNT_ID": "000000000000"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rendered")
    assert render(STAGING, folder) == folder / "root.yaml"
    return folder


@pytest.fixture(scope="module")
def root(folder: Path) -> Document:
    document: Document = yaml.safe_load((folder / "root.yaml").read_text())
    return document


def test_every_stack_is_nested_with_its_parameters(folder: Path, root: Document) -> None:
    assert len(root["Resources"]) == len(STAGING.stacks)
    for stack in STAGING.stacks:
        nested = root["Resources"][stack.name.capitalize()]["Properties"]
        given = nested["Parameters"].keys()
        template = Template(folder / stack.template.path.name)
        assert str(nested["TemplateURL"]["Fn::Sub"]).endswith("${TemplatePrefix}" + template.path.name)
        assert template.required <= given <= template.parameters.keys()


def test_a_wired_parameter_is_the_output_of_another_nested_stack(root: Document) -> None:
    database = root["Resources"]["Database"]["Properties"]["Parameters"]
    assert database["VpcId"] == {"Fn::GetAtt": ["Network", "Outputs.VpcId"]}


def test_values_of_the_environment_are_defaults_of_parameters(root: Document) -> None:
    assert root["Parameters"]["DatabaseInstanceClass"]["Default"] == "db.t4g.micro"
    assert root["Parameters"]["WebArtifactKey"]["Default"] == package_keys(STAGING)["web"]


def test_an_output_of_an_existing_stack_is_a_parameter_without_default(root: Document) -> None:
    assert "Default" not in root["Parameters"]["BootstrapArtifactBucket"]


def test_the_root_passes_cfn_lint(folder: Path) -> None:
    assert lint_file(folder / "root.yaml", ManualArgs(regions=["eu-central-1"])) == []
