"""Finding the server's programs, and fetching them where there are none.

A script plays apt here, which needs a network.
"""

import shutil
from pathlib import Path

import pytest

from local_cloud import LocalCloudError, mariadb
from local_cloud.mariadb import Apt, find, find_or_fetch

APT = """#!/bin/sh
echo "$@" >> {calls}
case "$*" in
  *" update") touch {updated} ;;
  *" download "*) [ -e {updated} ] || {{ echo "E: Unable to locate package" >&2; exit 100; }}
     cp {package} . ;;
  *" install "*) echo "Inst liburing2 (2.3-3 Debian:12)"; echo "Inst mariadb-common (1:10)"; echo "Conf liburing2" ;;
esac
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(mariadb, "SERVER_FOLDERS", ())
    return folder


def write_program(path: Path, text: str = "#!/bin/sh\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def apt(tmp_path: Path, programs: Path) -> Apt:
    """An apt whose lists are empty until it updates its own."""
    for tool in ("sh", "cp", "touch", "dpkg", "dpkg-deb", "tar", "rm"):
        found = shutil.which(tool, path="/usr/bin:/bin")
        if found:
            (programs / tool).symlink_to(found)
    package = tmp_path / "a.deb"
    package.write_bytes(b"not a package")
    script = APT.format(calls=tmp_path / "calls", updated=tmp_path / "updated", package=package)
    write_program(programs / "apt-get", script)
    folder = tmp_path / "work"
    folder.mkdir()
    return Apt(folder)


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "calls").read_text().splitlines()


def test_an_installed_server_is_used_with_the_folders_around_it(tmp_path: Path, programs: Path) -> None:
    write_program(tmp_path / "opt" / "sbin" / "mariadbd")
    write_program(tmp_path / "opt" / "scripts" / "mariadb-install-db")
    (tmp_path / "opt" / "share" / "mariadb" / "charsets").mkdir(parents=True)
    (programs / "mariadbd").symlink_to(tmp_path / "opt" / "sbin" / "mariadbd")
    installation = find_or_fetch(print, tmp_path / "fetched")
    assert installation.base == tmp_path / "opt"
    assert installation.setup == Path("scripts/mariadb-install-db")
    assert installation.messages == tmp_path / "opt" / "share" / "mariadb"
    assert installation.environ({"A": "b"}) == {"A": "b"}
    assert not (tmp_path / "fetched").exists()


def test_a_fetched_server_finds_the_libraries_that_came_with_it(tmp_path: Path, programs: Path) -> None:
    write_program(tmp_path / "fetched" / "usr" / "sbin" / "mariadbd")
    libraries = tmp_path / "fetched" / "usr" / "lib" / "x86_64-linux-gnu"
    libraries.mkdir(parents=True)
    (libraries / "liburing.so.2").touch()
    installation = find_or_fetch(print, tmp_path / "fetched")
    assert installation.environ({"LD_LIBRARY_PATH": "/mine"})["LD_LIBRARY_PATH"] == f"{libraries}:/mine"


@pytest.mark.usefixtures("programs")
def test_without_a_server_and_without_apt_it_says_what_to_do(tmp_path: Path) -> None:
    assert find() is None
    with pytest.raises(LocalCloudError, match=r"no apt-get(.|\n)*brew install mariadb(.|\n)*DATABASE_HOST"):
        find_or_fetch(print, tmp_path / "fetched")


def test_empty_package_lists_are_made_up_for_with_lists_of_our_own(tmp_path: Path, apt: Apt) -> None:
    with pytest.raises(LocalCloudError, match="cannot be unpacked"):  # the script's package is none
        apt.unpack(("mariadb-server-core",), tmp_path / "unpacked")
    first, update, second = calls(tmp_path)
    assert "Dir::State::Lists" not in first
    for call in (update, second):
        assert f"Dir::State::Lists={tmp_path / 'work' / 'lists'}" in call
        assert f"Dir::Cache={tmp_path / 'work' / 'cache'}" in call


def test_lists_that_are_good_are_not_made_again(tmp_path: Path, apt: Apt) -> None:
    (tmp_path / "updated").touch()
    with pytest.raises(LocalCloudError, match="cannot be unpacked"):
        apt.unpack(("mariadb-server-core",), tmp_path / "unpacked")
    assert len(calls(tmp_path)) == 1


def test_the_reason_of_a_failed_download_is_told(tmp_path: Path, apt: Apt, programs: Path) -> None:
    write_program(programs / "apt-get", "#!/bin/sh\necho 'E: Temporary failure resolving' >&2\nexit 100\n")
    with pytest.raises(LocalCloudError, match=r"Temporary failure resolving(.|\n)*DATABASE_HOST"):
        apt.unpack(("mariadb-server-core",), tmp_path / "unpacked")


def test_only_libraries_are_fetched_beside_the_server(apt: Apt) -> None:
    assert apt.missing_packages() == ("liburing2",)
