"""Shared by the tests of the local cloud."""

from pathlib import Path

import pytest

from support.package_repository import Key


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    """Make the key of an archive."""
    return Key(tmp_path_factory.mktemp("keys") / "own")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder
