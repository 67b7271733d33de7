"""An instance of the gallery boots from nothing but its launch template's user data, without internet."""

from __future__ import annotations

import io
import json
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pymysql
import pytest

from infrastructure.boot.conftest import ARTIFACTS, DATABASE_PORT, Boot
from infrastructure.boot.instance import Instance
from local_cloud.database import Address


@pytest.fixture(scope="module")
def instance(boot: Boot, bundle: str, migrate: Callable[[str], str]) -> Instance:
    """Boot an instance whose database is there and migrated."""
    instance = boot(
        ArtifactKey=bundle, DatabaseName="gallery_of_instances", DatabaseSecretArn=migrate("gallery_of_instances")
    )
    instance.wait_for(lambda: bool(instance.signals()))
    return instance


def test_it_serves_the_gallery(instance: Instance) -> None:
    assert instance.get("/readyz") == (200, '{"status":"ok"}\n')
    status, page = instance.get("/")
    assert status == 200
    assert "<html" in page
