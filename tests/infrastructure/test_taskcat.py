"""taskcat creates the whole environment in two regions, and fails when a template is wrong."""

import shutil
from pathlib import Path

import pytest

from deploy.environment import INFRASTRUCTURE
from local_cloud.taskcat import REGIONS, run_taskcat


def broken(folder: Path, template: str, right: str, wrong: str) -> Path:
    """Copy the infrastructure, with one place of a template changed."""
    for name in ("environments", "templates"):
        shutil.copytree(INFRASTRUCTURE / name, folder / name)
    shutil.copy(INFRASTRUCTURE / "stacks.yaml", folder)
    path = folder / "templates" / template
    text = path.read_text()
    assert text.count(right) == 1
    path.write_text(text.replace(right, wrong))
    return folder


def test_the_environment_is_created_and_deleted_in_two_regions(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_taskcat(tmp_path) == 0
    output = capfd.readouterr().err
    for region in REGIONS:
        assert f"{region} CREATE_COMPLETE" in output
        assert f"{region} DELETE_COMPLETE" in output
    report = (tmp_path / "report" / "index.html").read_text()
    assert report.count("CREATE_COMPLETE") == len(REGIONS) == 2
    assert len(list((tmp_path / "report").glob("*-cfnlogs.txt"))) == 2


def test_an_attribute_that_does_not_exist_fails_before_anything_is_created(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    right = "OnFailure: { Destination: !GetAtt DeadLetters.Arn }"
    wrong = right.replace("Arn", "Colour")
    assert run_taskcat(tmp_path / "run", broken(tmp_path / "infrastructure", "thumbnail.yaml", right, wrong)) == 1
    output = capfd.readouterr().err
    assert "thumbnail.yaml" in output
    assert "'Colour' is not one of ['Arn'" in output
    assert "CREATE_IN_PROGRESS" not in output


def test_a_migration_that_fails_is_reported_with_its_reason(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    right, wrong = "DATABASE_SECRET_ARN: !Ref MasterSecretArn", "DATABASE_SECRET_ARN: !Ref ApplicationSecret"
    assert run_taskcat(tmp_path / "run", broken(tmp_path / "infrastructure", "catalog.yaml", right, wrong)) == 1
    output = capfd.readouterr().err
    for region in REGIONS:
        assert f"{region} CREATE_FAILED" in output
    assert "Access denied for user 'gallery'@'localhost'" in output
