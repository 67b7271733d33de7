"""The environments: what is installed in each, from which lock."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

from environments.audit import AUDITED
from environments.environment import ENVIRONMENTS, LOCKS, REPOSITORY
from environments.project import bundled_modules, local_dependencies, read_project

SERVICES = REPOSITORY / "services"
PHOTOS_ALONE = "localstack/demo.txt"  # its code never runs
PACKAGES = sorted(path.parent for path in SERVICES.glob("*/pyproject.toml"))


def tracked(pattern: str) -> set[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern]
    return set(subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split())


def test_every_file_with_hashes_is_a_lock_that_can_be_compiled() -> None:
    hashed = {path for path in tracked("*.txt") if "--hash=sha256:" in (REPOSITORY / path).read_text(encoding="utf-8")}
    assert hashed == {*(lock.file for lock in LOCKS), PHOTOS_ALONE}


def test_every_lock_except_localstacks_is_audited() -> None:
    assert {lock.file for lock in LOCKS} - {lock.file for lock in AUDITED} == {"localstack/localstack.txt"}


def test_locks_contain_no_index_and_no_local_path() -> None:
    for lock in LOCKS:
        text = (REPOSITORY / lock.file).read_text(encoding="utf-8")
        assert not re.search(r"https?://|file:|--index-url|^-e|\s/", text, re.MULTILINE), lock.file
    assert tracked("*uv.lock") == set()


@pytest.mark.parametrize(
    ("service", "packages"),
    [
        ("annotate", {"annotate", "catalog", "imaging"}),
        ("catalog", {"catalog"}),
        ("thumbnail", {"catalog", "imaging", "thumbnail"}),
        ("web", {"catalog", "web"}),
    ],
)
def test_a_service_environment_has_only_its_dependencies(service: str, packages: set[str]) -> None:
    installed = {folder.name for folder in ENVIRONMENTS[f".local/venv/service-{service}"].packages}
    assert installed == packages == set(bundled_modules(service, read_project(SERVICES / service)))


def test_an_emulator_environment_has_only_the_local_cloud() -> None:
    for name in ("emulator", "localstack"):
        assert ENVIRONMENTS[f".local/venv/{name}"].packages == [REPOSITORY / "localstack"]


def test_the_tools_environment_has_only_the_tools() -> None:
    assert ENVIRONMENTS[".local/venv/tools"].packages == [REPOSITORY / "infrastructure" / "tools"]


def test_entry_points_are_bundled_only_into_their_own_service() -> None:
    catalog = {
        "project": {"name": "catalog"},
        "tool": {"uv": {"build-backend": {"module-name": ["catalog", "catalog_functions"]}}},
    }
    web = {"project": {"dependencies": ["catalog", "flask"]}, "tool": {"uv": {"sources": {"catalog": {}}}}}
    assert bundled_modules("catalog", catalog) == {"catalog": ("catalog", "catalog_functions")}
    assert bundled_modules("web", web) == {"catalog": ("catalog",), "web": ("web",)}


def test_the_bundles_of_old_releases_are_read() -> None:
    project = {"project": {"dependencies": ["flask"]}, "tool": {"package": {"bundles": ["catalog", "web"]}}}
    assert bundled_modules("web", project) == {"catalog": ("catalog",), "web": ("web",)}


def test_a_shared_package_depends_on_no_other() -> None:
    for service in PACKAGES:
        for shared in local_dependencies(read_project(service)):
            assert local_dependencies(read_project(SERVICES / shared)) == ()


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_a_wheel_contains_every_file_of_its_package(folder: Path, tmp_path: Path) -> None:
    command = [find_uv_bin(), "build", "--quiet", "--offline", "--wheel", str(folder), "--out-dir", str(tmp_path)]
    subprocess.run(command, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    prefix = f"services/{folder.name}/"
    modules = bundled_modules(folder.name, read_project(folder))[folder.name]
    files = {path.removeprefix(prefix) for module in modules for path in tracked(f"{prefix}{module}")}
    contained = {
        name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name and not name.endswith("/")
    }
    assert contained == files


def test_an_old_python_is_refused_with_the_required_version() -> None:
    main = REPOSITORY / "infrastructure" / "tools" / "environments" / "__main__.py"
    program = "import runpy, sys; sys.version_info = (3, 6, 9); runpy.run_path(sys.argv[1], run_name='__main__')"
    ran = subprocess.run([sys.executable, "-c", program, str(main)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (
        1,
        "Python 3.11 or newer is needed, this is 3.6. Name another: make PYTHON=python3.13 …\n",
    )
