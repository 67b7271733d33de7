"""Desired state: valid files are read, and errors name the position."""

from pathlib import Path

import pytest

from deploy.environment import Environment, Output, load_environment
from deploy.errors import EnvironmentFileError, TemplateError

STACKS = """
function:
  template: function.yaml
  service: thumbnail
  parameters:
    BucketName: images.BucketName
    ArtifactBucket: images.BucketName
    Host: database.Host
images:
  template: images.yaml
"""
ENVIRONMENT = """
region: eu-west-1
stack_prefix: gallery-test
platform: aws
provided:
  database: {Host: "${HOST}"}
parameters:
  images: {BucketName: photos, Versions: 3, Public: false}
overrides: {}
"""
TEMPLATES = {
    "images": """
Parameters:
  BucketName: {Type: String}
  Versions: {Type: Number, Default: 1}
  Public: {Type: String, Default: "true"}
  Extra: {Type: String, Default: ""}
Resources:
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: !Ref BucketName}}
Outputs:
  BucketName: {Value: !Ref Bucket}
""",
    "function": """
Parameters:
  ArtifactKey: {Type: String}
  Release: {Type: String}
  BucketName: {Type: String}
  ArtifactBucket: {Type: String}
  Host: {Type: String}
Outputs:
  B: {Value: b}
""",
}


FILE, STACKS_FILE, IMAGES_FILE = "environments/test.yaml", "stacks.yaml", "templates/images.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "environments").mkdir()
    (tmp_path / "templates").mkdir()
    for name, body in TEMPLATES.items():
        (tmp_path / "templates" / f"{name}.yaml").write_text(body)
    (tmp_path / "stacks.yaml").write_text(STACKS)
    (tmp_path / "environments" / "test.yaml").write_text(ENVIRONMENT)
    return tmp_path


def load(folder: Path) -> Environment:
    return load_environment("test", {"HOST": "db"}, folder)


def change(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_stacks_are_in_deployment_order(folder: Path) -> None:
    environment = load(folder)
    assert [stack.name for stack in environment.stacks] == ["images", "function"]


def test_a_parameter_is_wired_to_another_stacks_output(folder: Path) -> None:
    function = load(folder).stacks[1]
    bucket = Output("images", "BucketName")
    assert function.wired == {"BucketName": bucket, "ArtifactBucket": bucket, "Host": Output("database", "Host")}


def test_values_are_converted_to_strings(folder: Path) -> None:
    images = load(folder).stacks[0]
    assert images.parameters == {"BucketName": "photos", "Versions": "3", "Public": "false"}


def test_a_provided_stack_is_not_deployed_and_its_variables_are_replaced(folder: Path) -> None:
    environment = load(folder)
    assert environment.provided == {"database": {"Host": "db"}}
    assert "database" not in [stack.name for stack in environment.stacks]


def test_an_unknown_environment_lists_the_available_ones(folder: Path) -> None:
    with pytest.raises(EnvironmentFileError, match="unknown environment 'prod'; available: test"):
        load_environment("prod", {}, folder)


def test_an_unset_variable_is_named(folder: Path) -> None:
    with pytest.raises(EnvironmentFileError, match="HOST is not set"):
        load_environment("test", {}, folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (FILE, "region: eu-west-1", "", "region must be a string, not None"),
        (FILE, "platform: aws", "platform: vax", "platform must be one of host, container, aws"),
        (FILE, "region:", "colour: red\nregion:", "unknown key colour"),
        (FILE, "  images: {", "  image: {}\n  images: {", "unknown key parameters.image"),
        (FILE, "Versions: 3", "Versions: [3]", "parameters.images.Versions must be a string or a number"),
        (FILE, "parameters:", "parameters: 3\nother:", "parameters must be a mapping"),
        (FILE, "parameters:", "parameters: {", "is not valid YAML"),
        (FILE, "  images:", "  function: {Host: x}\n  images:", "function.Host is already wired"),
        (
            STACKS_FILE,
            "images.BucketName",
            "pictures.BucketName",
            "stack 'pictures' is neither deployed, provided nor existing",
        ),
        (STACKS_FILE, "images.BucketName", "BucketName", "parameters.BucketName must be stack.Output"),
        (STACKS_FILE, "service:", "servise:", "unknown key function.servise"),
        (
            STACKS_FILE,
            "  template: images.yaml",
            "  template: images.yaml\n  parameters: {Extra: function.B}",
            "depend on each other",
        ),
        (
            STACKS_FILE,
            "images.BucketName",
            "images.Bucket",
            r"takes images.Bucket, which is not an output of images.yaml",
        ),
        (STACKS_FILE, "    Host:", "    Name:", r"function.parameters.Name is not a parameter of function.yaml"),
        (FILE, "Versions: 3", "Copies: 3", r"images.Copies is not a settable parameter of images.yaml"),
        (FILE, "BucketName: photos, ", "", r"images.BucketName is missing: images.yaml has no"),
        (FILE, "  images:", "  function: {Release: x}\n  images:", "function.Release is not a settable parameter"),
        (FILE, "{Host:", "{Name:", r"provided.database lacks Host"),
        (FILE, "{}", "{Bucket: why not}", r"overrides.Bucket must be stack.Resource"),
        (FILE, "{}", "{images.Bucket: ' '}", r"overrides.images.Bucket must give a reason"),
        (FILE, "{}", "{images.Bucket: false}", r"overrides.images.Bucket must give a reason"),
        (FILE, "{}", "{1: x}", r"overrides.1 is not a string key"),
        (FILE, "region:", "on: x\nregion:", r"True is not a string key"),
        (FILE, "region:", "region: eu-west-2\nregion:", r"duplicate key region"),
        (IMAGES_FILE, "Outputs:", "Outputs: {", r"images.yaml is not valid YAML"),
        (IMAGES_FILE, "  BucketName: {Value: !Ref Bucket}", "  - x", r"Outputs must be a mapping"),
    ],
)
def test_an_error_names_its_position(folder: Path, file: str, old: str, new: str, message: str) -> None:
    change(folder, file, old, new)
    with pytest.raises((EnvironmentFileError, TemplateError), match=message) as error:
        load(folder)
    assert Path(file).name in str(error.value)


@pytest.mark.parametrize(
    ("pins", "message"),
    [
        ("{}", "versions.thumbnail is missing: pin every service, or none"),
        ("", "versions.thumbnail is missing: pin every service, or none"),
        ("{thumbnail: 1.2}", "versions.thumbnail must be a version like 1.4.0, not 1.2"),
        ("{thumbnail: v1.2.3}", "versions.thumbnail must be a version like 1.4.0, not 'v1.2.3'"),
        ("{thumbnail: 1.02.3}", "versions.thumbnail must be a version like 1.4.0"),
        ("{thumbnail: 1.2.3-rc1}", "versions.thumbnail must be a version like 1.4.0"),
        ("{thumbnail: }", "versions.thumbnail must be a version like 1.4.0, not None"),
        ("[thumbnail]", "versions must be a mapping"),
    ],
)
def test_an_error_in_the_pins_names_its_position(folder: Path, pins: str, message: str) -> None:
    test_an_error_names_its_position(folder, FILE, "overrides:", f"versions: {pins}\noverrides:", message)


def test_an_environment_can_pin_published_versions(folder: Path) -> None:
    change(folder, FILE, "overrides:", "versions: {thumbnail: 0.1.10}\noverrides:")
    assert load(folder).versions == {"thumbnail": "0.1.10"}


def test_an_environment_without_versions_runs_the_working_tree(folder: Path) -> None:
    assert load(folder).versions is None


def test_a_service_needs_a_bucket_for_its_package(folder: Path) -> None:
    change(folder, "stacks.yaml", "    ArtifactBucket: images.BucketName\n", "")
    change(folder, "templates/function.yaml", "  ArtifactBucket: {Type: String}\n", "")
    with pytest.raises(EnvironmentFileError, match=r"stacks\.yaml: function\.parameters\.ArtifactBucket is missing"):
        load(folder)


@pytest.mark.parametrize("content", [None, "# K\u00e4se".encode("latin-1")])
@pytest.mark.parametrize("file", [STACKS_FILE, FILE, IMAGES_FILE])
def test_an_unreadable_file_is_named(folder: Path, file: str, content: bytes | None) -> None:
    (folder / file).unlink() if content is None else (folder / file).write_bytes(content)
    message = "unknown environment 'test'" if (file, content) == (FILE, None) else f"{Path(file).name} cannot be read"
    with pytest.raises((EnvironmentFileError, TemplateError), match=message):
        load(folder)


def test_the_name_of_an_environment_is_not_a_path(folder: Path) -> None:
    with pytest.raises(EnvironmentFileError, match="unknown environment"):
        load_environment("../environments/test", {"HOST": "db"}, folder)


@pytest.mark.parametrize("name", ["local", "staging", "production"])
def test_the_environments_of_this_repository_are_valid(name: str) -> None:
    variables = (
        "ARTIFACT_BUCKET",
        "AWS_ACCOUNT_ID",
        "DATABASE_HOST",
        "DATABASE_PORT",
        "DATABASE_NAME",
        "MASTER_SECRET_ARN",
        "GALLERY_ORIGIN",
        "SECURITY_GROUP_ID",
        "SUBNET_ID",
    )
    environment = load_environment(name, {**dict.fromkeys(variables, "x"), "PLATFORM": "host"})
    assert {"images", "catalog", "thumbnail", "annotate"} <= {stack.name for stack in environment.stacks}
