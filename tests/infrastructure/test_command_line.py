"""`python -m deploy`: what it prints, and the exit codes that a pipeline goes by."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

import deploy.__main__ as command_line
from deploy.environment import load_environment
from support.deploy_project import Project

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

Run = Callable[..., int]


@pytest.fixture
def run(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command on the project's environment."""
    monkeypatch.setattr(command_line, "PLANS", tmp_path / "plans")
    monkeypatch.setattr(
        command_line, "load_environment", lambda name, variables: load_environment(name, variables, project.folder)
    )

    def run(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["deploy", *arguments])
        try:
            return command_line.main()
        except SystemExit as stopped:
            return int(stopped.code or 0)

    return run


def write(project: Project, name: str = "photos", topic: str = "fixed") -> None:
    body = TOPIC.replace("fixed", f"{project.prefix}-{topic}")
    project.write(ONE_STACK, f"parameters: {{topic: {{Name: {name}}}}}\n", topic=body)


def edit(project: Project, old: str, new: str) -> None:
    path = project.folder / "environments" / "test.yaml"
    path.write_text(path.read_text().replace(old, new))


def change_by_hand(project: Project) -> None:
    (topic,) = [t["TopicArn"] for t in boto3.client("sns").list_topics()["Topics"] if project.prefix in t["TopicArn"]]
    boto3.client("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="DisplayName", AttributeValue="changed by hand"
    )


def test_plan_shows_and_apply_executes(project: Project, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write(project)
    assert run("plan", "test") == 0
    assert "topic  create, 1 resource" in capsys.readouterr().out
    assert run("apply", "test") == 0
    told = capsys.readouterr().out
    assert "CREATE_COMPLETE" in told
    assert told.endswith("topic: created\n")
    assert run("plan", "test") == 0
    assert "Nothing to change." in capsys.readouterr().out


def test_json_is_all_that_is_printed_for_machines(
    project: Project, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project)
    answers = {}
    for command in ("plan", "apply", "status", "drift", "redrive"):
        assert run(command, "test", "--json") == 0
        answers[command] = json.loads(capsys.readouterr().out)
    assert answers["plan"]["stacks"][0]["changes"][0]["logical_id"] == "Topic"
    assert answers["apply"] == {"plan_again": []}
    assert answers["status"][0]["status"] == "CREATE_COMPLETE"
    assert (answers["drift"], answers["redrive"]) == ([], [])


def test_a_refused_plan_is_exit_code_3(project: Project, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write(project)
    assert (run("plan", "test"), run("apply", "test")) == (0, 0)
    write(project, topic="other")
    assert run("plan", "test") == 3
    assert "topic.Topic (topic) would be replaced because of TopicName" in capsys.readouterr().out
    assert run("apply", "test") == 3
    assert "an override in the environment file may allow it" in capsys.readouterr().err


def test_a_stale_plan_is_exit_code_4(project: Project, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write(project)
    assert run("plan", "test") == 0
    write(project, name="pictures")
    assert run("apply", "test") == 4
    assert "plan again" in capsys.readouterr().err


def test_drift_is_exit_code_6(project: Project, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write(project)
    assert (run("plan", "test"), run("apply", "test")) == (0, 0)
    change_by_hand(project)
    assert run("drift", "test") == 6
    assert "changed by hand" in capsys.readouterr().out


def test_markdown_tells_what_a_plan_would_do(project: Project, run: Run, tmp_path: Path) -> None:
    write(project)
    assert run("plan", "test", "--markdown", str(tmp_path / "plan.md")) == 0
    assert (tmp_path / "plan.md").read_text().startswith("### `test`\n\n**1 stack to create**\n")


def test_markdown_tells_which_version_takes_the_place_of_which(project: Project, run: Run, tmp_path: Path) -> None:
    body = """
Description: A topic that stands for a service
Parameters:
  ArtifactBucket: {Type: String}
  ArtifactKey: {Type: String}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Sub "${ArtifactBucket} ${ArtifactKey}"}
"""
    runs = {"ArtifactBucket": "artifacts", "ArtifactKey": "annotate/annotate-0.2.0.zip"}
    boto3.client("cloudformation").create_stack(
        StackName=f"{project.prefix}-annotate",
        TemplateBody=body,
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in runs.items()],
    )
    project.write(
        "annotate: {template: topic.yaml, service: annotate}\n",
        "parameters: {annotate: {ArtifactBucket: artifacts}}\nversions: {annotate: 0.3.0}\n",
        topic=body,
    )
    assert run("plan", "test", "--markdown", str(tmp_path / "plan.md")) == 0
    assert "\n| `annotate` | `0.2.0` | `0.3.0` |\n" in (tmp_path / "plan.md").read_text()


def test_markdown_tells_why_there_is_no_plan(project: Project, run: Run, tmp_path: Path) -> None:
    write(project)
    edit(project, "region:", "colour: red\nregion:")
    assert run("plan", "test", "--markdown", str(tmp_path / "plan.md")) == 1
    assert "test.yaml: unknown key colour\n" in (tmp_path / "plan.md").read_text()


def test_the_reason_is_told_although_markdown_cannot_be_written(
    project: Project, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project)
    edit(project, "region:", "colour: red\nregion:")
    assert run("plan", "test", "--markdown", str(tmp_path / "no folder" / "plan.md")) == 1
    assert "unknown key colour" in capsys.readouterr().err


def test_outputs_tell_a_job_whether_there_is_something_to_apply(project: Project, run: Run, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    outputs.write_text("of=another step\n")
    write(project)
    assert run("plan", "test", "--outputs", str(outputs)) == 0
    assert run("apply", "test") == 0
    assert run("plan", "test", "--outputs", str(outputs)) == 0
    write(project, topic="other")
    assert run("plan", "test", "--outputs", str(outputs)) == 3
    assert outputs.read_text().splitlines() == [
        "of=another step",
        *("changes=true", "refused=false"),
        *("changes=false", "refused=false"),
        *("changes=true", "refused=true"),
    ]


def test_the_markdown_of_drift_is_empty_when_nothing_has_drifted(project: Project, run: Run, tmp_path: Path) -> None:
    write(project)
    assert (run("plan", "test"), run("apply", "test")) == (0, 0)
    assert run("drift", "test", "--markdown", str(tmp_path / "drift.md")) == 0
    assert (tmp_path / "drift.md").read_text() == ""
    change_by_hand(project)
    assert run("drift", "test", "--markdown", str(tmp_path / "drift.md")) == 6
    assert "changed by hand" in (tmp_path / "drift.md").read_text()


def test_an_apply_without_a_plan_says_what_to_do(
    project: Project, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project)
    assert run("apply", "test") == 1
    assert "there is no plan" in capsys.readouterr().err


def test_a_mistake_in_a_file_names_file_and_key(project: Project, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write(project)
    edit(project, "region:", "colour: red\nregion:")
    assert run("plan", "test") == 1
    assert "test.yaml: unknown key colour" in capsys.readouterr().err


def test_a_new_plan_takes_the_place_of_an_old_one(project: Project, run: Run) -> None:
    write(project)
    assert (run("plan", "test"), run("plan", "test")) == (0, 0)
    sets = boto3.client("cloudformation").list_change_sets(StackName=f"{project.prefix}-topic")["Summaries"]
    assert len(sets) == 1


def test_a_new_plan_takes_the_place_of_an_old_one_of_its_label(
    project: Project, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project)
    for job in ("first", "second"):  # on machines that know nothing of each other
        assert run("plan", "test", "--label", "pr-12", "--plan", str(tmp_path / f"{job}.json")) == 0
    capsys.readouterr()
    assert run("discard", "test", "--label", "pr-12") == 0
    assert capsys.readouterr().out.startswith(f"{project.prefix}-topic: pr-12-")
    assert run("discard", "test", "--label", "pr-12") == 0
    assert capsys.readouterr().out == "Nothing is left of pr-12.\n"


@pytest.mark.parametrize("label", ["12", "pr 12", "", "pr_12", "x" * 65])
def test_a_label_must_be_fit_for_the_name_of_a_change_set(project: Project, run: Run, label: str) -> None:
    write(project)
    assert run("plan", "test", "--label", label) == 2


def test_a_plan_can_be_made_again_whatever_became_of_the_old_one(project: Project, run: Run, tmp_path: Path) -> None:
    write(project)
    assert (run("plan", "test"), run("apply", "test"), run("delete", "test", "--confirm", "test")) == (0, 0, 0)
    assert run("plan", "test") == 0, "its stack was deleted"
    (tmp_path / "plans" / "test.json").write_text('{"cut')
    assert run("plan", "test") == 0, "its file is broken"


def test_a_folder_that_cannot_be_written_is_a_sentence(
    project: Project, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project)
    (tmp_path / "plans").write_text("no folder")
    assert run("plan", "test") == 1
    assert capsys.readouterr().err.startswith("deploy: ")


def test_delete_wants_the_name_twice(project: Project, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write(project)
    assert (run("plan", "test"), run("apply", "test")) == (0, 0)
    assert run("delete", "test", "--confirm", "production") == 2
    assert "nothing was deleted" in capsys.readouterr().err
    assert run("delete", "test", "--confirm", "test") == 0
    capsys.readouterr()
    run("status", "test")
    assert capsys.readouterr().out.split() == ["topic", "MISSING"]


def test_wrong_usage_is_exit_code_2(run: Run) -> None:
    assert run("plan") == 2


def test_an_account_that_cannot_be_reached_is_a_sentence(
    project: Project, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert run("plan", "test") == 1
    assert capsys.readouterr().err == "deploy: Unable to locate credentials\n"


def test_the_account_of_the_credentials_can_stand_in_an_environment_file(project: Project, run: Run) -> None:
    write(project)
    edit(project, "photos", '"${AWS_ACCOUNT_ID}"')
    assert (run("plan", "test"), run("apply", "test")) == (0, 0)
    found = boto3.client("cloudformation").describe_stacks(StackName=f"{project.prefix}-topic")["Stacks"][0]
    assert found["Parameters"][0].get("ParameterValue") == "000000000000"
