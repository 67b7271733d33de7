"""Markdown for GitHub; the files in golden/ are the expected sections."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from deploy.change_set import Change
from deploy.drift import Drift
from deploy.errors import BusyError, EnvironmentFileError
from deploy.markdown import LONGEST, drift_section, failure_section, plan_section
from deploy.plan import Plan, PlannedStack
from support.plans import modify, plan, unchanged, update

GOLDEN = Path(__file__).with_name("golden")

OLD_ALARM = Change("Remove", "OldAlarm", "AWS::CloudWatch::Alarm")
ANNOTATE = {"annotate": "annotate/annotate-0.2.1.zip"}
OLD_ANNOTATE = {"annotate": "annotate/annotate-0.2.0.zip"}
THUMBNAIL = {"thumbnail": "thumbnail/thumbnail-0.1.2.zip"}

CREATED = plan(
    PlannedStack("images", "create", "", (Change("Add", "Bucket", "AWS::S3::Bucket"),), "arn"),
    PlannedStack("catalog", "create later", "", (Change("Add", "Function", "X"),), waits_for=("images.TopicArn",)),
    artifacts={"catalog": "catalog/catalog-0.3.0.zip"},
)
UPDATED = plan(
    update("database", modify("Instance", "AWS::RDS::DBInstance", "perhaps", "MultiAZ")),
    update(
        "annotate",
        modify("Function", "AWS::Lambda::Function", "no", "Code"),
        modify("Version", "AWS::Lambda::Version", "yes", "Description"),
        OLD_ALARM,
    ),
    unchanged("thumbnail"),
    artifacts=ANNOTATE | THUMBNAIL,
    orphaned=("gallery-staging-old",),
    deployed=OLD_ANNOTATE | THUMBNAIL,
)
REFUSED = plan(
    update(
        "images",
        modify("Bucket", "AWS::S3::Bucket", "yes", "BucketName"),
        Change("Remove", "Topic", "AWS::SNS::Topic"),
        Change("Remove", "TopicPolicy", "AWS::SNS::TopicPolicy"),
        refused=(
            "images.Bucket (bucket) would be replaced because of BucketName",
            "images.Topic (topic) would be deleted",
        ),
    ),
    environment="production",
)
ALLOWED = plan(
    update("database", modify("Instance", "AWS::RDS::DBInstance", "yes", "Engine"), OLD_ALARM),
    environment="production",
    artifacts=ANNOTATE,
    deployed=OLD_ANNOTATE,
)
UNCHANGED = plan(unchanged("images"), environment="production")
DRIFTED = [
    Drift("images", "Bucket", "AWS::S3::Bucket", "MODIFIED", ("/Tags/0/Value is manual, not gallery",)),
    Drift("web", "", "", "INCOMPLETE", ("a permission is missing",)),
]

# An error message may quote any text of a file or of AWS.
HOSTILE = "stack `web`: </details> | @everyone\n```\n# <img src=x> #1\n````"


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("created", plan_section(CREATED)),
        ("updated", plan_section(UPDATED)),
        ("refused", plan_section(REFUSED)),
        ("allowed", plan_section(ALLOWED)),
        ("unchanged", plan_section(UNCHANGED)),
        ("failed", failure_section("staging", "plan", EnvironmentFileError("staging.yaml: unknown key colour"))),
        ("busy", failure_section("staging", "plan", BusyError("gallery-staging-web is being changed right now"))),
        ("hostile", failure_section("a`b", "drift", EnvironmentFileError(HOSTILE))),
        ("drifted", drift_section("staging", DRIFTED)),
    ],
)
def test_a_section_is_its_golden_file(name: str, section: str) -> None:
    assert section == (GOLDEN / f"{name}.md").read_text(encoding="utf-8")


def test_no_drift_is_an_empty_section() -> None:
    assert drift_section("staging", []) == ""


def test_a_long_plan_is_cut_and_refers_to_the_log() -> None:
    changes = tuple(Change("Remove", f"Resource{number:04}", "AWS::SQS::Queue") for number in range(1000))
    section = plan_section(plan(update("web", *changes)))
    assert LONGEST - 100 < len(section) <= LONGEST
    above, details = section.split("<details>")
    assert above.endswith("DELETED\n- … and more; see the job log\n\n")
    assert details.endswith("(AWS::SQS::Queue)\n… and more; see the job log\n```\n\n</details>\n")


@pytest.mark.parametrize("text", ["x" * 100_000, "word\n" * 100_000, "`" * 100_000])
def test_a_long_message_is_cut_and_refers_to_the_log(text: str) -> None:
    for section in (
        failure_section("staging", "plan", EnvironmentFileError(text)),
        drift_section("staging", [Drift("web", "Group", "X", "MODIFIED", (text,))]),
    ):
        assert len(section) < LONGEST
        assert "see the job log" in section


NAMES = st.text(st.sampled_from("aZ9 `|<>@#*_[]()!\\\n\r&~:/.-"), min_size=1, max_size=40).map(
    lambda text: f"data{text}data"
)
CHANGES = st.builds(
    Change,
    st.sampled_from(["Add", "Modify", "Remove"]),
    NAMES,
    NAMES,
    st.sampled_from(["no", "perhaps", "yes"]),
    st.tuples(NAMES),
    st.tuples(NAMES),
)
STACKS = st.builds(
    PlannedStack, NAMES, st.just("update"), NAMES, st.lists(CHANGES, max_size=5).map(tuple), refused=st.tuples(NAMES)
)
PLANS = st.builds(
    Plan,
    st.just("staging"),
    st.just("eu-central-1"),
    st.dictionaries(NAMES, NAMES, max_size=3),
    st.lists(STACKS, min_size=1, max_size=5).map(tuple),
    st.tuples(NAMES),
    st.dictionaries(NAMES, NAMES, max_size=3),
)


@settings(max_examples=30)
@given(PLANS)
def test_github_interprets_no_data_as_markup(hostile: Plan) -> None:
    section = plan_section(hostile)
    assert len(section) <= LONGEST
    interpreted = [token for token in tokens(section) if token.type not in ("code_inline", "fence")]
    assert [token.content for token in interpreted if "data" in token.content] == []
    assert [token.content for token in interpreted if token.type == "html_block"] == [
        "<details><summary>Full plan</summary>\n",
        "</details>\n",
    ]


def tokens(markdown: str) -> list[Token]:
    """Return the leaf tokens of a text in GitHub's flavour of Markdown."""
    blocks = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
    return [token for block in blocks for token in (block.children if block.type == "inline" else [block]) or []]
