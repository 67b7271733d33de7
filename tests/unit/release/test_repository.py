"""Files at a commit, from which published packages are built."""

from pathlib import Path

import pytest

from release.errors import ReleaseError
from release.repository import Repository
from support.versioned_project import Project


def test_an_archive_holds_the_bytes_of_the_commit(project: Project, tmp_path: Path) -> None:
    data = b"one\r\ntwo\n\x00\xff"
    (project.path / "services/web/web/data.bin").write_bytes(data)
    commit = project.commit("Add data")
    project.write("services/web/web/code.py", "later = 1\n")
    project.write("services/web/web/uncommitted.py", "")
    project.git("config", "core.autocrlf", "true")  # as on Windows
    Repository(project.path).archive(commit, ["services/web", "services/catalog"], tmp_path / "sources")
    sources = tmp_path / "sources/services"
    assert (sources / "web/web/code.py").read_bytes() == b"first = 1\n"
    assert (sources / "web/web/data.bin").read_bytes() == data
    assert sorted(path.name for path in sources.iterdir()) == ["catalog", "web"]
    assert not (sources / "web/web/uncommitted.py").exists()


def test_a_missing_folder_is_an_error(project: Project, tmp_path: Path) -> None:
    repository = Repository(project.path)
    with pytest.raises(ReleaseError, match="services/shop"):
        repository.archive(repository.head(), ["services/shop"], tmp_path / "sources")


def test_a_missing_tag_is_reported_with_a_hint(project: Project) -> None:
    with pytest.raises(ReleaseError, match=r"no tag web-v9\.9\.9: .*make tag"):
        Repository(project.path).tag_commit("web-v9.9.9")


def test_a_file_is_read_at_a_commit(project: Project) -> None:
    project.change("web", "Show the colours")
    repository = Repository(project.path)
    assert repository.read("services/web/web/code.py", "web-v0.1.4") == "first = 1\n"
    with pytest.raises(ReleaseError, match="nowhere"):
        repository.read("nowhere", "web-v0.1.4")


def test_the_root_is_found_from_a_subfolder(project: Project) -> None:
    assert Repository(project.path / "services" / "web").path == project.path


def test_a_repository_without_a_commit_has_no_head(tmp_path: Path) -> None:
    Project(tmp_path).git("init", "--quiet")
    with pytest.raises(ReleaseError, match="HEAD is not a commit"):
        Repository(tmp_path).head()
