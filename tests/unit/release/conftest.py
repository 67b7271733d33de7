"""A project for each test of releases, copied from one that is created once."""

from pathlib import Path

import pytest

from support.versioned_project import Project


@pytest.fixture(scope="session")
def _untagged(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project.create(tmp_path_factory.mktemp("release") / "untagged")


@pytest.fixture(scope="session")
def _tagged(_untagged: Project) -> Project:
    project = _untagged.copy(_untagged.path.with_name("tagged"))
    for tag in ("annotate-v0.2.0", "catalog-v0.3.0", "web-v0.1.4"):
        project.git("tag", tag)
    return project


@pytest.fixture
def untagged(_untagged: Project, tmp_path: Path) -> Project:
    """A project before its first release."""
    return _untagged.copy(tmp_path / "project")


@pytest.fixture
def project(_tagged: Project, tmp_path: Path) -> Project:
    """A project whose versions are tagged: annotate 0.2.0, catalog 0.3.0 and web 0.1.4."""
    return _tagged.copy(tmp_path / "project")


@pytest.fixture
def origin(project: Project, tmp_path: Path) -> Project:
    """The remote `origin` of the project, with its commits and tags."""
    bare = Project(tmp_path / "origin.git")
    project.git("clone", "--quiet", "--bare", str(project.path), str(bare.path))
    project.git("remote", "add", "origin", str(bare.path))
    return bare
