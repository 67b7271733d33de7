"""The `deploy` command: its output, and the exit codes that pipelines rely on."""

import json
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from click.testing import Result

from support.deploy_project import RUNS, Project

ONE_STACK = "topic: {template: topic.yaml}\n"
TOPIC = """
Description: A topic
Parameters:
  Name: {Type: String}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Ref Name, TopicName: fixed}
"""

Run = Callable[..., Result]


@pytest.fixture
def run(project: Project) -> Run:
    """Run a command on the project's environment and check its exit code."""
    write(project)
    return project.run


@pytest.fixture
def deployed(run: Run) -> None:
    """Deploy the project."""
    run("plan", "test")
    run("apply", "test")


def write(project: Project, name: str = "photos", topic: str = "fixed") -> None:
    body = TOPIC.replace("fixed", f"{project.prefix}-{topic}")
    project.write(ONE_STACK, f"parameters: {{topic: {{Name: {name}}}}}\n", topic=body)


def edit(project: Project, old: str, new: str) -> None:
    path = project.folder / "environments" / "test.yaml"
    path.write_text(path.read_text().replace(old, new))


def change_by_hand(project: Project) -> None:
    sns = project.session.client("sns")
    (topic,) = [t["TopicArn"] for t in sns.list_topics()["Topics"] if project.prefix in t["TopicArn"]]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="changed by hand")


def test_plan_shows_and_apply_executes(run: Run) -> None:
    assert "topic  create, 1 resource" in run("plan", "test").stdout
    applied = run("apply", "test").stdout
    assert "CREATE_COMPLETE" in applied
    assert applied.endswith("topic: created\n")
    assert "No changes." in run("plan", "test").stdout


def test_with_json_stdout_contains_only_the_result(run: Run) -> None:
    commands = ("plan", "apply", "status", "drift", "redrive")
    answers = {command: json.loads(run(command, "test", "--json").stdout) for command in commands}
    assert answers["plan"]["stacks"][0]["changes"][0]["logical_id"] == "Topic"
    assert answers["apply"] == {"plan_again": []}
    assert answers["status"][0]["status"] == "CREATE_COMPLETE"
    assert (answers["drift"], answers["redrive"]) == ([], [])


@pytest.mark.usefixtures("deployed")
def test_a_refused_plan_exits_with_3(project: Project, run: Run) -> None:
    write(project, topic="other")
    assert "topic.Topic (topic) would be replaced because of TopicName" in run("plan", "test", code=3).stdout
    assert "an override in the environment file may allow it" in run("apply", "test", code=3).stderr


def test_a_stale_plan_exits_with_4(project: Project, run: Run) -> None:
    run("plan", "test")
    write(project, name="pictures")
    assert "plan again" in run("apply", "test", code=4).stderr


@pytest.mark.usefixtures("deployed")
def test_drift_exits_with_6_and_its_markdown_is_empty_without_drift(project: Project, run: Run, tmp_path: Path) -> None:
    markdown = tmp_path / "drift.md"
    run("drift", "test", "--markdown", markdown)
    assert markdown.read_text() == ""
    change_by_hand(project)
    assert "changed by hand" in run("drift", "test", "--markdown", markdown, code=6).stdout
    assert "changed by hand" in markdown.read_text()


def test_markdown_contains_the_plan(run: Run, tmp_path: Path) -> None:
    run("plan", "test", "--markdown", tmp_path / "plan.md")
    assert (tmp_path / "plan.md").read_text().startswith("### `test`\n\n**1 stack to create**\n")


def test_markdown_contains_the_current_and_the_planned_version(project: Project, run: Run, tmp_path: Path) -> None:
    deployed = {"ArtifactBucket": "artifacts", "ArtifactKey": "annotate/annotate-0.2.0.zip"}
    project.session.client("cloudformation").create_stack(
        StackName=f"{project.prefix}-annotate",
        TemplateBody=RUNS,
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in deployed.items()],
    )
    project.write(
        "annotate: {template: runs.yaml, service: annotate}\n",
        "parameters: {annotate: {ArtifactBucket: artifacts}}\nversions: {annotate: 0.3.0}\n",
        runs=RUNS,
    )
    run("plan", "test", "--markdown", tmp_path / "plan.md")
    assert "\n| `annotate` | `0.2.0` | `0.3.0` |\n" in (tmp_path / "plan.md").read_text()


@pytest.mark.parametrize("writable", [True, False])
def test_an_error_in_a_file_is_printed_and_written_as_markdown(
    project: Project, run: Run, tmp_path: Path, writable: bool
) -> None:
    edit(project, "region:", "colour: red\nregion:")
    markdown = (tmp_path if writable else tmp_path / "missing") / "plan.md"
    assert "test.yaml: unknown key colour" in run("plan", "test", "--markdown", markdown, code=1).stderr
    assert not writable or "test.yaml: unknown key colour\n" in markdown.read_text()


def test_outputs_tell_a_job_whether_there_is_anything_to_apply(project: Project, run: Run, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    outputs.write_text("of=another step\n")
    run("plan", "test", "--outputs", outputs)
    run("apply", "test")
    run("plan", "test", "--outputs", outputs)
    write(project, topic="other")
    run("plan", "test", "--outputs", outputs, code=3)
    assert outputs.read_text().splitlines() == [
        "of=another step",
        *("changes=true", "refused=false"),
        *("changes=false", "refused=false"),
        *("changes=true", "refused=true"),
    ]


def test_apply_without_a_plan_is_reported(run: Run) -> None:
    assert "no plan at" in run("apply", "test", code=1).stderr


def test_a_new_plan_replaces_the_previous_plan(project: Project, run: Run) -> None:
    for _ in range(2):
        run("plan", "test")
    assert project.change_sets("topic") == ["deploy"]


def test_a_new_plan_replaces_the_previous_plan_with_its_label(project: Project, run: Run, tmp_path: Path) -> None:
    for job in ("first", "second"):  # on machines without a common plan file
        run("plan", "test", "--label", "pr-12", "--plan", tmp_path / f"{job}.json")
    assert project.change_sets("topic") == ["pr-12"]
    assert run("discard", "test", "--label", "pr-12").stdout.startswith(f"{project.prefix}-topic: pr-12-")
    assert run("discard", "test", "--label", "pr-12").stdout == "No change sets with the label pr-12.\n"


@pytest.mark.parametrize("label", ["12", "pr 12", "", "pr_12", "x" * 65])
def test_a_label_must_be_valid_in_the_name_of_a_change_set(run: Run, label: str) -> None:
    run("plan", "test", "--label", label, code=2)


@pytest.mark.usefixtures("deployed")
def test_plan_ignores_an_obsolete_or_broken_plan_file(run: Run, tmp_path: Path) -> None:
    run("delete", "test", "--confirm", "test")
    run("plan", "test")
    (tmp_path / "plans" / "test.json").write_text('{"cut')
    run("plan", "test")


def test_a_folder_that_cannot_be_written_is_reported(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plans").write_text("not a folder")
    assert run("plan", "test", code=1).stderr.startswith("deploy: ")


@pytest.mark.usefixtures("deployed")
def test_delete_requires_the_name_twice(run: Run) -> None:
    assert "nothing was deleted" in run("delete", "test", "--confirm", "production", code=2).stderr
    run("delete", "test", "--confirm", "test")
    assert run("status", "test").stdout.split() == ["topic", "MISSING"]


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("command", ["annotate", "retry"])
def test_photos_cannot_be_queued_without_a_catalog(project: Project, run: Run, command: str) -> None:
    message = run(command, "test", "--where", "all", code=1).stderr
    assert message == f"deploy: test has no queue of photos: {project.prefix}-catalog is not deployed\n"


def test_wrong_usage_exits_with_2(run: Run) -> None:
    run("plan", code=2)
    run("annotate", "test", code=2)  # without --where


def test_missing_credentials_are_reported(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    result = run("plan", "test", code=1, session=boto3.Session())
    assert result.stderr == "deploy: Unable to locate credentials\n"


def test_an_environment_file_can_contain_the_account_id(project: Project, run: Run) -> None:
    edit(project, "photos", '"${AWS_ACCOUNT_ID}"')
    run("plan", "test")
    run("apply", "test")
    cloudformation = project.session.client("cloudformation")
    found = cloudformation.describe_stacks(StackName=f"{project.prefix}-topic")["Stacks"][0]
    assert found["Parameters"][0].get("ParameterValue") == "000000000000"
