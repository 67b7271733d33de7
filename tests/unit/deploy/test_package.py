"""Packages of services. Their dependencies come from the package registry or from uv's cache."""

import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deploy.errors import PackageError
from deploy.package import KEPT, package, package_key


@pytest.fixture(scope="module")
def catalog_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package("catalog", "host", tmp_path_factory.mktemp("packages")).path


def test_a_package_contains_all_its_dependencies(catalog_package: Path) -> None:
    program = """import boto3, catalog_functions.custom_resource, catalog.schema
print(boto3.__file__, catalog.schema.own_migrations())"""
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(catalog_package)!r})\n{program}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert str(catalog_package) in done.stdout
    assert "0001_image" in done.stdout


def test_a_package_contains_a_manifest(catalog_package: Path) -> None:
    with zipfile.ZipFile(catalog_package) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["service"] == "catalog"
    assert set(manifest) == {"service", "version", "bundles", "lock", "platform"}


def test_builds_are_reproducible(catalog_package: Path, tmp_path: Path) -> None:
    again = package("catalog", "host", tmp_path).path
    assert again.name == catalog_package.name
    assert again.read_bytes() == catalog_package.read_bytes()


def test_an_existing_package_is_not_rebuilt(catalog_package: Path) -> None:
    before = catalog_package.stat().st_ino
    assert package("catalog", "host", catalog_package.parent).path == catalog_package
    assert catalog_package.stat().st_ino == before


def test_a_folder_keeps_the_most_recently_used_packages(catalog_package: Path, tmp_path: Path) -> None:
    used = Path(shutil.copy(catalog_package, tmp_path))
    for second, path in enumerate([used, *(tmp_path / f"catalog-0.0.{old}-0.zip" for old in range(9))]):
        path.touch()
        os.utime(path, (second, second))
    package("catalog", "host", tmp_path)
    built = package("catalog", "container", tmp_path).path
    assert KEPT == 4
    assert set(tmp_path.iterdir()) == {used, built, *(tmp_path / f"catalog-0.0.{old}-0.zip" for old in (7, 8))}


def test_the_key_of_a_package_is_known_before_it_is_built(catalog_package: Path) -> None:
    assert package_key("catalog", "host") == f"catalog/{catalog_package.name}"


def test_packages_for_different_platforms_have_different_keys() -> None:
    keys = {package_key("catalog", "host"), package_key("catalog", "container"), package_key("catalog", "aws")}
    assert len(keys) == 3


def test_a_package_for_containers_matches_lambdas_python_and_this_processor(tmp_path: Path) -> None:
    processor = {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
    with zipfile.ZipFile(package("thumbnail", "container", tmp_path).path) as archive:
        assert json.loads(archive.read("manifest.json"))["platform"] == f"{processor}-manylinux_2_28 python3.13"
        compiled = [name for name in archive.namelist() if name.endswith(".so") and "cpython" in name]
    assert compiled
    assert all(f"cpython-313-{processor}-linux" in name for name in compiled)


def test_an_unknown_service_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        PackageError, match=r"unknown service 'captions'; available: annotate, catalog, thumbnail, web$"
    ):
        package("captions", "host", tmp_path)
