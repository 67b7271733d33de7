"""Documents state facts: commands, alarms, parameters, messages and links exist, and nothing is left unexplained."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml

from catalog import pause, pending, queue
from catalog.selection import SelectionError, parse
from catalog_functions import announcer, sweeper
from deploy.commands.context import DRIFTED, EXIT_CODES
from deploy.environment import INFRASTRUCTURE, Output, load_environment
from deploy.errors import BusyError, DeployError, GateError, StaleError
from deploy.template import Template
from environments.environment import REPOSITORY

STAGING = load_environment("staging", {"AWS_ACCOUNT_ID": "000000000000"})
README, DEPLOYING, OPERATIONS, PIPELINE, TROUBLESHOOTING = (
    (REPOSITORY / name).read_text(encoding="utf-8")
    for name in ("README.md", "docs/deploying.md", "docs/operations.md", "docs/pipeline.md", "docs/troubleshooting.md")
)
MAKE_TARGETS = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
DOCUMENTS = [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").rglob("*.md"))]
DECISIONS = REPOSITORY / "docs" / "decisions"
RECORDS = sorted(path for path in DECISIONS.iterdir() if path.name != "README.md")
TEMPLATES = {stack.name: stack.template for stack in STAGING.stacks} | {
    "bootstrap": Template(INFRASTRUCTURE / "bootstrap.yaml")
}
ROOTS = [*(REPOSITORY / "services").iterdir(), REPOSITORY / "infrastructure" / "tools", REPOSITORY / "localstack"]
EVERY_DOCUMENT = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))


def section(title: str) -> str:
    """Return the text below a heading of docs/deploying.md, up to the next heading of the same level."""
    found = re.search(rf"^## \d+ {title}\n(.*?)(?=^## |\Z)", DEPLOYING, re.MULTILINE | re.DOTALL)
    assert found, f"docs/deploying.md has no section {title!r}"
    return found[1]


def rows(text: str) -> dict[str, str]:
    """Return the rows of the tables in a text by their first cell."""
    return dict(re.findall(r"^\| ([^|]+?) \|(.*)\|$", text, re.MULTILINE))


def code(text: str) -> Iterator[str]:
    """Yield the code of a document: spans, and the lines of blocks without their comments."""
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from (line.partition("#")[0] for line in block.splitlines())
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def make_targets(text: str) -> set[str]:
    """Return the make targets that a document mentions."""
    return {target for span in code(text) for target in re.findall(r"(?:^|\s)make ([a-z][a-z-]*)", span)}


def test_the_readme_lists_every_make_target() -> None:
    assert make_targets(README) == MAKE_TARGETS


@EVERY_DOCUMENT
def test_every_make_target_in_a_document_exists(document: Path) -> None:
    assert make_targets(document.read_text(encoding="utf-8")) - MAKE_TARGETS == set()


def test_every_target_that_deploys_is_explained() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    rules = re.findall(r"^([a-z -]+):.*\n\t@\$\((?:DEPLOY|TOOLS\)/deploy)", makefile, re.MULTILINE)
    assert len(rules) > 1
    assert set(" ".join(rules).split()) - make_targets(DEPLOYING + PIPELINE) == set()


@EVERY_DOCUMENT
def test_every_path_in_a_document_exists(document: Path) -> None:
    path = re.compile(r"(?:\.github|docs|infrastructure|localstack|services|tests)/[\w./*-]*")
    paths = [span for span in code(document.read_text(encoding="utf-8")) if path.fullmatch(span)]
    assert [name for name in paths if not list(REPOSITORY.glob(name.rstrip("/")))] == []


@EVERY_DOCUMENT
def test_every_name_of_a_stack_in_a_document_exists(document: Path) -> None:
    """In `web.MaxSize` the stack has a parameter, an output or a resource of that name."""
    names = re.compile(rf"({'|'.join(TEMPLATES)})\.([A-Z]\w+)")
    used = [match.groups() for span in code(document.read_text(encoding="utf-8")) for match in names.finditer(span)]
    unknown = [
        f"{stack}.{name}"
        for stack, name in used
        if name not in TEMPLATES[stack].parameters.keys() | TEMPLATES[stack].outputs.keys() | resources(stack).keys()
        and name != "Login"  # `web.Login…` stands for several
    ]
    assert unknown == []


@EVERY_DOCUMENT
def test_every_module_in_a_document_exists(document: Path) -> None:
    """In `catalog.images.register` the module is catalog/images.py; its last part may be a name in it."""
    packages = {path.parent.name: path.parent for root in ROOTS for path in root.glob("*/__init__.py")}
    modules = re.compile(rf"({'|'.join(packages)})\.(?!yml$)([a-z_]+)(?:\.\w+)*")
    names = [match for span in code(document.read_text(encoding="utf-8")) if (match := modules.fullmatch(span))]
    assert [match[0] for match in names if not list(packages[match[1]].glob(f"{match[2]}*"))] == []


def resources(stack: str) -> dict[str, str]:
    """Return the types of the resources of a stack by their logical ids."""
    return {name: resource["Type"] for name, resource in TEMPLATES[stack].document["Resources"].items()}


def test_every_output_that_no_stack_uses_is_explained() -> None:
    used = {output for stack in STAGING.stacks for output in stack.wired.values()}
    unused = {Output(name, output) for name, template in TEMPLATES.items() for output in template.outputs} - used
    assert {str(output) for output in unused if f"`{output}`" not in DEPLOYING + OPERATIONS} == set()


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_everything_that_an_environment_sets_is_explained(environment: str) -> None:
    explained = " ".join(rows(section("Fill in the environment file")))
    document = yaml.safe_load((INFRASTRUCTURE / "environments" / f"{environment}.yaml").read_text(encoding="utf-8"))
    parameters = {f"{stack}.{name}" for stack, values in document.pop("parameters").items() for name in values}
    assert {name for name in parameters if f"`{name}`" not in explained} == set()
    assert {key for key in document if not re.search(rf"`{key}[`.]", explained)} == set()


def test_the_parameters_of_the_bootstrap_are_explained() -> None:
    explained = " ".join(rows(section("Bootstrap")))
    assert set(re.findall(r"`(\w+)`", explained)) == set(TEMPLATES["bootstrap"].parameters)


def test_every_exit_code_is_explained() -> None:
    explained = {int(first) for first in rows(section("Plan and apply")) if first.isdecimal()}
    assert explained == {int(number) for number in re.findall(r"(\d) ", EXIT_CODES)}
    named = {error.exit_code for error in (DeployError, GateError, StaleError, BusyError)} | {DRIFTED}
    assert named < explained


def test_every_stack_has_its_costs_at_rest_with_its_alarms() -> None:
    costs = rows(section("Costs"))
    for name in TEMPLATES:
        alarms = list(resources(name).values()).count("AWS::CloudWatch::Alarm")
        assert (f"{alarms} alarms" in costs[name]) == (alarms > 0), name


def test_operators_find_each_alarm_by_its_name_and_its_description() -> None:
    alarms = {
        f"{name}.{logical_id}": " ".join(resource["Properties"]["AlarmDescription"].split())
        for name, template in TEMPLATES.items()
        for logical_id, resource in template.document["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert alarms
    assert dict(re.findall(r"^### `([^`]+)`\n\n> (.+)$", OPERATIONS, re.MULTILINE)) == alarms


@pytest.mark.parametrize("label", ["Who", "Look", "Over"])
def test_each_alarm_has_every_part_or_names_a_similar_alarm(label: str) -> None:
    alarms = re.findall(r"^### `([^`]+)`\n(.*?)(?=^##)", OPERATIONS, re.MULTILINE | re.DOTALL)
    assert {name for name, text in alarms if f"*{label}*: " not in text and "\nAs [`" not in text} == set()


def test_the_limits_of_the_sweep_are_those_of_the_code() -> None:
    limits = rows(OPERATIONS)
    assert [
        limits["how far it looks back for uploads"].strip(),
        limits["age of an upload or a pending photo before it acts"].strip(),
        limits["pause between two attempts"].strip(),
        limits["attempts"].strip(),
        limits["photos per run, of either kind"].strip(),
    ] == [
        f"{sweeper.LOOK_BACK.days} days",
        f"{pending.PATIENCE_MINUTES} minutes",
        f"{pending.RESEND_MINUTES} minutes",
        str(pending.MAX_RESENT),
        str(sweeper.MAX_PHOTOS),
    ]


def test_the_limits_of_the_queue_are_those_of_the_code() -> None:
    limits = rows(OPERATIONS)
    assert [
        limits["photos that are announced in a minute"].strip(),
        limits["longest time between two attempts"].strip(),
        limits["time until another annotation that did not come is announced again"].strip(),
        limits["announcements of another annotation"].strip().partition(";")[0],
    ] == [
        str(announcer.MAX_PHOTOS),
        f"{pause.MOST_PAUSE_SECONDS // 60} minutes",
        f"{queue.REPEAT_MINUTES} minutes",
        str(queue.MAX_ANNOUNCEMENTS),
    ]


def test_every_cause_of_a_pause_is_explained() -> None:
    (explained,) = re.findall(r"^## Why annotation is paused\n(.*?)(?=^## )", OPERATIONS, re.MULTILINE | re.DOTALL)
    causes = [first.strip("`") for first in rows(explained) if first.startswith("`")]
    assert sorted(causes) == sorted(get_args(pause.Cause))


def test_every_term_of_a_selection_is_explained() -> None:
    with pytest.raises(SelectionError) as refused:
        parse("colour:red")
    terms = re.findall(r"(\w+):(?=,)", str(refused.value))
    assert len(terms) > 1
    assert {term for term in terms if f"`{term}:" not in " ".join(rows(OPERATIONS))} == set()


def messages() -> Iterator[str]:
    """Yield the texts in the code except docstrings; an ellipsis stands for each value that is inserted."""
    for folder in ("services", "localstack", "infrastructure/tools"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
            docstrings = [node.value for node in nodes if isinstance(node, ast.Expr)]
            for node in nodes:
                if isinstance(node, ast.JoinedStr):
                    yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
                    yield node.value
    for path in (REPOSITORY / "services" / "web" / "web").glob("*/*"):
        if path.suffix in (".html", ".js"):
            yield path.read_text(encoding="utf-8")


def test_every_quoted_message_exists_in_the_code() -> None:
    """They are in the first column of docs/troubleshooting.md, and in quotation marks in docs/operations.md."""
    symptoms = "\n".join(rows(TROUBLESHOOTING))
    documented = {span for span in re.findall(r"`([^`]+)`", symptoms) if " " in span}
    documented |= set(re.findall(r'`"([^`]+)"`', OPERATIONS))
    texts = list(messages())
    assert [message for message in documented if not any(contains(text, message) for text in texts)] == []


def contains(text: str, message: str) -> bool:
    """Tell whether a text contains the parts of a message, which are separated by ellipses, in order."""
    return re.search(".*?".join(re.escape(part) for part in message.split("…")), text, re.DOTALL) is not None


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


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_decision_has_a_number_a_date_and_its_three_parts(record: Path) -> None:
    number = re.fullmatch(r"(\d{4})-[a-z0-9-]+\.md", record.name)
    assert number
    text = record.read_text(encoding="utf-8")
    assert re.match(rf"# {number[1]} .+\n\nDate: \d{{4}}-\d\d-\d\d\n", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_the_index_lists_every_decision_once() -> None:
    index = (DECISIONS / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\d{4}) \| \[(.+)\]\((.+)\) \| ([\d-]+) \|$", index, re.MULTILINE)
    assert sorted(listed) == [
        (record.name[:4], text[7 : text.index("\n")], record.name, text.partition("Date: ")[2][:10])
        for record in RECORDS
        for text in [record.read_text(encoding="utf-8")]
    ]
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


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
    """Return the anchors of a document's headings, as GitHub generates them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
