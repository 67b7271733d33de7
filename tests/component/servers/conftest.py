"""Fixtures for the tests of database servers and their packages."""

from pathlib import Path

import pytest

from servers.mariadb import MariaDb
from servers.mysql import MySql
from support.package_repository import Key


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    """Create the key that signs a package archive."""
    return Key(tmp_path_factory.mktemp("keys") / "own")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder on the PATH; no other folder is searched for servers."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for product in (MariaDb, MySql):
        monkeypatch.setattr(product, "folders", ())
    return folder
