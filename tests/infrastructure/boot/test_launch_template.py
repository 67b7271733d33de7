"""The launch template of the gallery's instances, as the emulator deploys it."""

import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import boto3
import pytest

import web
from infrastructure.boot.stack import ARTIFACTS, Gallery
from web.config import WebSettings

MAX_USER_DATA_BYTES = 16 * 1024
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html"""


@pytest.fixture(scope="module")
def gallery(new_gallery: Callable[[], Gallery]) -> Gallery:
    """Deploy the stack."""
    gallery = new_gallery()
    gallery.deploy({"ArtifactKey": "web/1.zip"})
    return gallery


def group_version(gallery: Gallery) -> int:
    """Return the version of the launch template that the group uses for new instances."""
    groups = boto3.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[gallery.resource("Group")])
    return int(groups["AutoScalingGroups"][0]["LaunchTemplate"]["Version"])


def test_user_data_sets_exactly_the_variables_that_the_gallery_reads(gallery: Gallery) -> None:
    variables = set(re.findall(r"^([A-Z_]+)=", gallery.user_data(), re.MULTILINE))
    assert variables == {field.name.upper() for field in fields(WebSettings)} | {"AWS_DEFAULT_REGION"}


def test_a_stopping_gallery_has_time_to_drain_and_to_finish_requests(gallery: Gallery) -> None:
    drain, killed = (
        int(number)
        for number in re.findall(r"(?:DRAIN_SECONDS|TimeoutStopSec)=(\d+)$", gallery.user_data(), re.MULTILINE)
    )
    graceful = runpy.run_path(str(Path(web.__file__).with_name("gunicorn.conf.py")))["graceful_timeout"]
    assert 0 < drain < graceful < killed


def test_user_data_is_a_valid_script_within_the_size_limit(gallery: Gallery, tmp_path: Path) -> None:
    script = tmp_path / "user-data"
    script.write_text(gallery.user_data(), encoding="utf-8")
    assert script.stat().st_size <= MAX_USER_DATA_BYTES
    subprocess.run([Path(sys.executable).with_name("shellcheck"), script], check=True)


def test_a_new_bundle_replaces_the_instances(gallery: Gallery) -> None:
    before = group_version(gallery)
    gallery.deploy({"ArtifactKey": "web/2.zip"}, create=False)
    assert f"s3://{ARTIFACTS}/web/2.zip" in gallery.user_data()
    assert group_version(gallery) > before
