"""Checks of the files for what act does not enforce; infrastructure/test_workflows.py has more of them."""

from pathlib import Path

import pytest

from servers import REPOSITORY
from workflows.act import read_workflows, stand_in, used_actions

FILES = read_workflows(REPOSITORY)
CALLS = [
    pytest.param(job, FILES[Path(job["uses"]).stem]["jobs"], id=f"{file}-{name}")
    for file, content in FILES.items()
    for name, job in content["jobs"].items()
    if "uses" in job
]


def test_every_action_has_a_stand_in() -> None:
    assert [stand_in(use) for use in used_actions(REPOSITORY)]


def test_a_missing_stand_in_is_an_error() -> None:
    with pytest.raises(AssertionError, match="no stand-in for octocat/hello"):
        stand_in("octocat/hello@v1")


@pytest.mark.parametrize(("job", "called"), CALLS)
def test_a_called_workflow_gets_the_permissions_of_its_jobs(
    job: dict[str, dict[str, str]], called: dict[str, dict[str, dict[str, str]]]
) -> None:
    needed = {item for inner in called.values() if inner["permissions"] for item in inner["permissions"].items()}
    assert needed <= job["permissions"].items()


def test_a_repeated_job_replaces_its_artifacts() -> None:
    uploads = [
        step["with"]
        for content in FILES.values()
        for job in content["jobs"].values()
        for step in job.get("steps", [])
        if step.get("uses", "").startswith("actions/upload-artifact@")
    ]
    assert uploads
    assert [upload["name"] for upload in uploads if upload.get("overwrite") != "true"] == []


def test_only_pushes_to_main_are_deployed() -> None:
    assert FILES["deploy"]["on"]["push"]["branches"] == ["main"]


def test_approval_is_requested_between_plan_and_apply() -> None:
    environments = {
        (file, name): job["environment"]
        for file, content in FILES.items()
        for name, job in content["jobs"].items()
        if "environment" in job
    }
    assert environments == {("environment", "apply"): "${{ inputs.environment }}", ("taskcat", "taskcat"): "taskcat"}
    assert FILES["environment"]["jobs"]["apply"]["needs"] == "plan"
