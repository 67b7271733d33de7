"""Desired state: what is read, and what is refused with the place of the mistake."""

from pathlib import Path

import pytest

from deploy.environment import Output, load_environment
from deploy.errors import EnvironmentFileError

STACKS = """
function:
  template: function.yaml
  service: thumbnail
  parameters:
    BucketName: images.BucketName
    Host: database.Host
images:
  template: images.yaml
"""
ENVIRONMENT = """
region: eu-west-1
stack_prefix: gallery-test
artifacts: {bucket: artifacts, platform: lambda}
provided:
  database: {Host: "${HOST}"}
parameters:
  images: {BucketName: photos, Versions: 3, Public: false}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "environments").mkdir()
    (tmp_path / "stacks.yaml").write_text(STACKS)
    (tmp_path / "environments" / "test.yaml").write_text(ENVIRONMENT)
    return tmp_path


def change(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_stacks_come_after_those_they_need(folder: Path) -> None:
    environment = load_environment("test", {"HOST": "db"}, folder)
    assert [stack.name for stack in environment.stacks] == ["images", "function"]


def test_a_parameter_is_wired_to_another_stacks_output(folder: Path) -> None:
    function = load_environment("test", {"HOST": "db"}, folder).stacks[1]
    assert function.wired == {"BucketName": Output("images", "BucketName"), "Host": Output("database", "Host")}


def test_values_become_the_texts_that_cloudformation_takes(folder: Path) -> None:
    images = load_environment("test", {"HOST": "db"}, folder).stacks[0]
    assert images.parameters == {"BucketName": "photos", "Versions": "3", "Public": "false"}


def test_a_provided_stack_is_not_deployed_and_has_its_variables_filled_in(folder: Path) -> None:
    environment = load_environment("test", {"HOST": "db"}, folder)
    assert environment.provided == {"database": {"Host": "db"}}
    assert "database" not in [stack.name for stack in environment.stacks]


def test_an_unknown_environment_names_the_known_ones(folder: Path) -> None:
    with pytest.raises(EnvironmentFileError, match="no environment 'prod'; there is: test"):
        load_environment("prod", {}, folder)


def test_a_variable_that_is_not_set_is_named(folder: Path) -> None:
    with pytest.raises(EnvironmentFileError, match="HOST is not set"):
        load_environment("test", {}, folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("environments/test.yaml", "region: eu-west-1", "", "region must be a text, not None"),
        (
            "environments/test.yaml",
            "platform: lambda",
            "platform: vax",
            "artifacts.platform must be one of host, lambda",
        ),
        ("environments/test.yaml", "region:", "colour: red\nregion:", "unknown key colour"),
        ("environments/test.yaml", "  images: {", "  image: {", "unknown key parameters.image"),
        (
            "environments/test.yaml",
            "Versions: 3",
            "Versions: [3]",
            "parameters.images.Versions must be a text or a number",
        ),
        ("environments/test.yaml", "parameters:", "parameters: 3\nother:", "parameters must be a mapping"),
        ("environments/test.yaml", "parameters:", "parameters: {", "is not YAML"),
        ("environments/test.yaml", "  images:", "  function: {Host: x}\n  images:", "function.Host is already wired"),
        ("stacks.yaml", "images.BucketName", "pictures.BucketName", "no stack 'pictures' is deployed or provided"),
        ("stacks.yaml", "images.BucketName", "BucketName", "parameters.BucketName must be stack.Output"),
        ("stacks.yaml", "service:", "servise:", "unknown key function.servise"),
        (
            "stacks.yaml",
            "  template: images.yaml",
            "  template: images.yaml\n  parameters: {A: function.B}",
            "need each other",
        ),
    ],
)
def test_a_mistake_is_refused_with_its_place(folder: Path, file: str, old: str, new: str, message: str) -> None:
    change(folder, file, old, new)
    with pytest.raises(EnvironmentFileError, match=message) as error:
        load_environment("test", {"HOST": "db"}, folder)
    assert Path(file).name in str(error.value)


def test_the_environments_of_this_repository_can_be_read() -> None:
    names = (
        "ARTIFACT_BUCKET",
        "DATABASE_HOST",
        "DATABASE_PORT",
        "DATABASE_NAME",
        "MASTER_SECRET_ARN",
        "GALLERY_ORIGIN",
    )
    environment = load_environment("local", dict.fromkeys(names, "x"))
    assert {"images", "catalog", "thumbnail", "annotate"} <= {stack.name for stack in environment.stacks}
