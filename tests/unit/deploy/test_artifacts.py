"""Errors of the artifact bucket name the bucket."""

from pathlib import Path

import pytest
from botocore.config import Config

from deploy.artifacts import store, stored
from deploy.errors import PackageError
from deploy.package import Package
from local_cloud.session import EmulatorSession
from servers.ports import free_ports


def test_an_unreachable_bucket_is_named(tmp_path: Path) -> None:
    package = Package("web", "1.0.0", tmp_path / "web.zip", "web/web-1.0.0.zip")
    package.path.write_bytes(b"")
    (port,) = free_ports(1)
    s3 = EmulatorSession(f"http://127.0.0.1:{port}").client("s3", config=Config(retries={"max_attempts": 0}))
    with pytest.raises(PackageError, match="artifact bucket packages: "):
        stored(s3, "packages", package.key)
    with pytest.raises(PackageError, match="artifact bucket packages: "):
        store(s3, "packages", package, {})
