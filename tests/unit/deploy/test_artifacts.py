"""The artifact bucket when it cannot be reached: people are told of the bucket, not of the library."""

from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from deploy.artifacts import store, stored
from deploy.errors import PackageError
from deploy.package import Package
from local_cloud.emulator import aws_environ
from servers.ports import free_ports


def test_a_bucket_that_does_not_answer_is_named(tmp_path: Path) -> None:
    package = Package("web", "1.0.0", tmp_path / "web.zip", "web/web-1.0.0.zip")
    package.path.write_bytes(b"")
    (port,) = free_ports(1)
    with aws_environ(f"http://127.0.0.1:{port}"):
        s3 = boto3.client("s3", region_name="eu-central-1", config=Config(retries={"max_attempts": 0}))
        with pytest.raises(PackageError, match="artifact bucket packages: "):
            stored(s3, "packages", package.key)
        with pytest.raises(PackageError, match="artifact bucket packages: "):
            store(s3, "packages", package, {})
