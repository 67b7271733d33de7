"""What docs/deploying.md and docs/operations.md must not leave out, and what the documents must not get wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import deploy.__main__ as command_line
from catalog import pending
from catalog_functions import sweep
from deploy.environment import INFRASTRUCTURE, Output, load_environment
from deploy.package import REPOSITORY
from deploy.template import Template

STAGING = load_environment("staging", {"AWS_ACCOUNT_ID": "000000000000"})
DEPLOYING = (REPOSITORY / "docs" / "deploying.md").read_text(encoding="utf-8")
OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
DOCUMENTS = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
TEMPLATES = {stack.name: stack.template for stack in STAGING.stacks} | {
    "bootstrap": Template(INFRASTRUCTURE / "bootstrap.yaml")
}
EVERY_DOCUMENT = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def section(title: str) -> str:
    """Return what stands below a heading of docs/deploying.md, up to the next of its rank."""
    found = re.search(rf"^## \d+ {title}\n(.*?)(?=^## |\Z)", DEPLOYING, re.MULTILINE | re.DOTALL)
    assert found, f"docs/deploying.md has no section {title!r}"
    return found[1]


def rows(text: str) -> dict[str, str]:
    """Return the rows of the tables in a text by their first cell."""
    return dict(re.findall(r"^\| ([^|]+?) \|(.*)\|$", text, re.MULTILINE))


def code(document: Path) -> Iterator[str]:
    """Yield what a document sets as code: spans, and the lines of blocks without their comments."""
    text = document.read_text(encoding="utf-8")
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from (line.partition("#")[0] for line in block.splitlines())
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def make_targets(document: Path) -> set[str]:
    """Return the targets that a document tells people to make."""
    return {target for text in code(document) for target in re.findall(r"(?:^|\s)make ([a-z][a-z-]*)", text)}


def test_every_output_that_no_stack_takes_says_what_it_is_for() -> None:
    taken = {output for stack in STAGING.stacks for output in stack.wired.values()}
    untaken = {Output(name, output) for name, template in TEMPLATES.items() for output in template.outputs} - taken
    assert {str(output) for output in untaken if f"`{output}`" not in DEPLOYING + OPERATIONS} == set()


def test_every_target_that_deploys_is_explained() -> None:
    targets = re.findall(r"^([a-z-]+):.*\n\t@\$\(RUN\) -m deploy ", MAKEFILE, re.MULTILINE)
    assert len(targets) > 1
    explained = make_targets(REPOSITORY / "docs" / "deploying.md") | make_targets(REPOSITORY / "docs" / "pipeline.md")
    assert set(targets) - explained == set()


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_everything_that_an_environment_sets_is_explained(environment: str) -> None:
    explained = " ".join(rows(section("Fill in the environment file")))
    document = yaml.safe_load((INFRASTRUCTURE / "environments" / f"{environment}.yaml").read_text(encoding="utf-8"))
    parameters = {f"{stack}.{name}" for stack, values in document.pop("parameters").items() for name in values}
    assert {name for name in parameters if f"`{name}`" not in explained} == set()
    assert {key for key in document if not re.search(rf"`{key}[`.]", explained)} == set()


def test_every_parameter_of_the_bootstrap_is_explained() -> None:
    explained = " ".join(rows(section("Bootstrap")))
    assert {name for name in TEMPLATES["bootstrap"].parameters if f"`{name}`" not in explained} == set()


def test_every_exit_code_is_explained() -> None:
    explained = {int(first) for first in rows(section("Plan and apply")) if first.isdecimal()}
    assert explained == {int(number) for number in re.findall(r"(\d) ", command_line.EXIT_CODES)}
    named = {
        command_line.FAILED,
        command_line.REFUSED,
        command_line.PLAN_AGAIN,
        command_line.BUSY,
        command_line.DRIFTED,
    }
    assert named < explained


def test_every_stack_has_its_costs_at_rest_with_its_alarms() -> None:
    costs = rows(section("Costs"))
    for name, template in TEMPLATES.items():
        alarms = list(template.resources.values()).count("AWS::CloudWatch::Alarm")
        assert (f"{alarms} alarms" in costs[name]) == (alarms > 0), name


def test_operators_find_each_alarm_by_its_name_and_its_words() -> None:
    alarms = {
        f"{name}.{logical_id}": " ".join(resource["Properties"]["AlarmDescription"].split())
        for name, template in TEMPLATES.items()
        for logical_id, resource in template.document["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert alarms
    assert dict(re.findall(r"^### `([^`]+)`\n\n> (.+)$", OPERATIONS, re.MULTILINE)) == alarms


@pytest.mark.parametrize("label", ["Who", "Look", "Over"])
def test_operators_learn_of_each_alarm_what_they_need(label: str) -> None:
    alarms = re.findall(r"^### `([^`]+)`\n(.*?)(?=^##)", OPERATIONS, re.MULTILINE | re.DOTALL)
    assert {name for name, text in alarms if f"*{label}*: " not in text and "\nAs [`" not in text} == set()


def test_operators_know_the_limits_that_the_code_has() -> None:
    assert f"{pending.PATIENCE_MINUTES} minutes" in OPERATIONS
    assert f"last {sweep.LOOK_BACK.days} days" in OPERATIONS
    assert f"at most {sweep.MAX_PHOTOS} of" in OPERATIONS
    assert (pending.RESEND_MINUTES, pending.MAX_RESENT) == (60, 5)
    assert "every hour, five times in all" in OPERATIONS


def test_everything_that_outlives_its_stack_can_be_deleted() -> None:
    commands = {
        "AWS::S3::Bucket": "delete-bucket",
        "AWS::SecretsManager::Secret": "delete-secret",
        "AWS::SQS::Queue": "delete-queue",
        "AWS::RDS::DBInstance": "delete-db-snapshot",
    }
    kept = {
        resource["Type"]
        for template in TEMPLATES.values()
        for resource in template.document["Resources"].values()
        if resource.get("DeletionPolicy", "Delete") != "Delete"
    }
    assert {kind for kind in kept if commands[kind] not in section("Delete everything")} == set()


def test_deleting_begins_with_every_protection() -> None:
    protected = {name for name, template in TEMPLATES.items() if "DeletionProtection" in template.parameters}
    assert protected
    text = section("Delete everything")
    assert {name for name in protected if f"`{name}.DeletionProtection: false`" not in text} == set()


@EVERY_DOCUMENT
def test_every_target_that_a_document_names_exists(document: Path) -> None:
    assert make_targets(document) - set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)) == set()


@EVERY_DOCUMENT
def test_every_link_within_the_repository_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@EVERY_DOCUMENT
def test_every_link_to_a_heading_leads_to_one(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]*)#([^)]+)\)", document.read_text(encoding="utf-8"))
    assert [
        (name, anchor) for name, anchor in links if anchor not in anchors(document.parent / (name or document.name))
    ] == []


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
