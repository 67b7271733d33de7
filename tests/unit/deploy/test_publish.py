"""Packages of releases: reproducible, with a manifest and an SBOM."""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from deploy.errors import PackageError
from deploy.package import package_release
from deploy.sbom import sbom
from release.repository import Repository
from support.versioned_project import Project

METADATA = "Metadata-Version: 2.1\nName: Some_Thing\nVersion: 2.1\n"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Project:
    repository = Project.empty(tmp_path_factory.mktemp("repository"))
    repository.tag_service("worker", "2.0.0", "WORK = 1\n")
    return repository


def build(repository: Project, folder: Path, version: str = "2.0.0") -> Path:
    """Build a release from the tagged commit, as `publish` does."""
    commit = repository.git("rev-parse", "worker-v2.0.0")
    Repository(repository.path).archive(commit, ["services"], folder)
    services = folder / "services"
    return package_release("worker", version, "aws", services=services, commit=commit, folder=folder / "built").path


@pytest.fixture(scope="module")
def built(repository: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(repository, tmp_path_factory.mktemp("release"))


def read(path: Path, name: str) -> Any:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(name))


def test_a_release_is_reproducible(
    repository: Project, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    before = os.umask(0o077)
    try:
        again = build(repository, tmp_path)
    finally:
        os.umask(before)
    assert again.read_bytes() == built.read_bytes()


def test_the_name_of_a_release_has_only_its_version(built: Path) -> None:
    assert built.name == "worker-2.0.0.zip"


def test_the_manifest_of_a_release_has_the_commit_and_the_versions(repository: Project, built: Path) -> None:
    manifest = read(built, "manifest.json")
    assert manifest["commit"] == repository.git("rev-parse", "HEAD")
    assert (manifest["service"], manifest["version"]) == ("worker", "2.0.0")
    assert manifest["bundles"] == {"shared": "0.1.0", "worker": "2.0.0"}
    assert manifest["platform"].startswith("aarch64-")


def test_sources_of_another_version_are_refused(repository: Project, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"contains worker 2\.0\.0, not 2\.0\.1"):
        build(repository, tmp_path, "2.0.1")


def test_the_sbom_lists_the_components_of_the_package(built: Path) -> None:
    document = read(built, "sbom.json")
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["component"]["purl"] == "pkg:generic/worker@2.0.0"
    assert [part["purl"] for part in document["components"]] == ["pkg:generic/shared@0.1.0", "pkg:pypi/six@1.17.0"]


def test_the_sbom_has_no_timestamp(built: Path) -> None:
    assert "timestamp" not in read(built, "sbom.json")["metadata"]


def test_the_sbom_of_other_content_has_another_serial_number(built: Path, tmp_path: Path) -> None:
    other = json.loads(sbom("worker", {"worker": "2.0.1"}, tmp_path))
    assert other["serialNumber"] != read(built, "sbom.json")["serialNumber"]


@pytest.mark.parametrize(
    ("fields", "licences"),
    [
        ("License-Expression: MIT\n", [{"license": {"id": "MIT"}}]),
        ("License-Expression: MIT OR Apache-2.0\n", [{"expression": "MIT OR Apache-2.0"}]),
        ("License: MIT\nClassifier: License :: OSI Approved :: MIT License\n", [{"license": {"id": "MIT"}}]),
        ("License: Dual\nClassifier: License :: OSI Approved :: BSD License\n", [{"license": {"name": "BSD License"}}]),
        ("License: UNKNOWN\n", []),
        ("", []),
    ],
)
def test_the_sbom_has_the_licence_that_a_wheel_declares(
    tmp_path: Path, fields: str, licences: list[dict[str, Any]]
) -> None:
    (tmp_path / "some_thing-2.1.dist-info").mkdir()
    (tmp_path / "some_thing-2.1.dist-info" / "METADATA").write_text(METADATA + fields)
    (part,) = json.loads(sbom("worker", {"worker": "2.0.0"}, tmp_path))["components"]
    assert part["purl"] == "pkg:pypi/some-thing@2.1"
    assert part.get("licenses", []) == licences
