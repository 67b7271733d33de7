"""The launch template of the gallery's instances, as the emulator deploys it."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import boto3

import web
from infrastructure.boot.stack import ARTIFACTS, Gallery
from web.config import WebSettings

MAX_USER_DATA_BYTES = 16 * 1024
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html"""


def group_version(gallery: Gallery) -> int:
    """Return the version of the launch template that the group starts instances from."""
    groups = boto3.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[gallery.resource("Group")])
    return int(groups["AutoScalingGroups"][0]["LaunchTemplate"]["Version"])


def test_user_data_sets_exactly_the_variables_that_the_gallery_reads(new_gallery: Callable[[], Gallery]) -> None:
    gallery = new_gallery()
    gallery.create(ArtifactKey="web/1.zip")
    user_data = gallery.user_data()
    variables = set(re.findall(r"^([A-Z_]+)=", user_data, re.MULTILINE))
    assert variables == {field.name.upper() for field in fields(WebSettings)} | {"AWS_DEFAULT_REGION"}


def test_a_stopping_gallery_has_time_for_its_drain_and_its_requests(new_gallery: Callable[[], Gallery]) -> None:
    gallery = new_gallery()
    gallery.create(ArtifactKey="web/1.zip")
    drain, killed = (
        int(number)
        for number in re.findall(r"(?:DRAIN_SECONDS|TimeoutStopSec)=(\d+)$", gallery.user_data(), re.MULTILINE)
    )
    graceful = runpy.run_path(str(Path(web.__file__).with_name("gunicorn.conf.py")))["graceful_timeout"]
    assert 0 < drain < graceful < killed


def test_user_data_is_a_sound_script_of_allowed_length(new_gallery: Callable[[], Gallery], tmp_path: Path) -> None:
    gallery = new_gallery()
    gallery.create(ArtifactKey="web/1.zip")
    script = tmp_path / "user-data"
    script.write_text(gallery.user_data(), encoding="utf-8")
    assert script.stat().st_size <= MAX_USER_DATA_BYTES
    subprocess.run([Path(sys.executable).with_name("shellcheck"), script], check=True)


def test_a_new_bundle_replaces_the_instances(new_gallery: Callable[[], Gallery]) -> None:
    gallery = new_gallery()
    gallery.create(ArtifactKey="web/1.zip")
    before = group_version(gallery)
    gallery.update(ArtifactKey="web/2.zip")
    assert f"s3://{ARTIFACTS}/web/2.zip" in gallery.user_data()
    assert group_version(gallery) > before
