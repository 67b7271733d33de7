"""Finding the programs of MySQL, and fetching them where there are none."""

from pathlib import Path

import pytest

from local_cloud import LocalCloudError, mysql
from local_cloud.mysql import find, find_or_fetch
from support.package_repository import NEEDS_APT, Key, Suite, write_system
from support.shell_script import write_script

LOADER = "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"


@pytest.fixture(autouse=True)
def _no_other_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql, "SERVER_FOLDERS", ())


@pytest.mark.parametrize(
    "version",
    [
        "/usr/sbin/mysqld  Ver 8.0.43-0ubuntu0.24.04.1 for Linux on x86_64 ((Ubuntu))",
        "mysqld  Ver 8.4.11 for Linux on aarch64 (MySQL Community Server - GPL)",
        "/opt/homebrew/opt/mysql/bin/mysqld  Ver 9.7.4 for macos15.1 on arm64 (Homebrew)",
        "mysqld  Ver 8.0.36-28 for Linux on x86_64 (Percona Server (GPL), Release 28, Revision 47601f19)",
    ],
)
def test_an_installed_server_is_used(path: Path, version: str) -> None:
    write_script(path / "mysqld", f"echo '{version}'")
    found = find()
    assert found is not None
    assert found.command == [str(path / "mysqld")]


@pytest.mark.parametrize(
    "answer",
    [
        "echo 'mysqld  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu on x86_64 (Debian 12)'",
        "echo 'mysqld  Ver 11.8.3-MariaDB for osx10.20 on arm64 (Homebrew)'",
        "echo 'mysqld  Ver 5.7.44 for Linux on x86_64 (MySQL Community Server (GPL))'",
        "echo 'mysqld  Ver 8.0.29 for Linux on x86_64 (MySQL Community Server - GPL)'",
        "echo broken >&2; exit 127",
    ],
)
def test_what_is_not_mysql_or_too_old_is_not_used(path: Path, answer: str) -> None:
    write_script(path / "mysqld", answer)
    assert find() is None


def test_a_mariadb_that_comes_first_on_the_path_hides_no_mysql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_script(tmp_path / "first" / "mysqld", "echo 'mysqld  Ver 10.11.14-MariaDB'")
    write_script(tmp_path / "second" / "mysqld", "echo 'mysqld  Ver 8.4.7'")
    monkeypatch.setenv("PATH", f"{tmp_path / 'first'}:{tmp_path / 'second'}")
    found = find()
    assert found is not None
    assert found.server == tmp_path / "second" / "mysqld"


def test_a_server_that_apparmor_confines_is_not_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = path / "mysqld"
    write_script(server, "echo 'mysqld  Ver 8.0.43'")
    monkeypatch.setattr(mysql, "CONFINED", {server: path / "profile"})
    assert find() is not None
    (path / "profile").touch()
    assert find() is None


@pytest.mark.usefixtures("path")
def test_without_a_server_and_without_apt_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match=r"no apt-get(.|\n)*brew install mysql(.|\n)*DATABASE_HOST"):
        find_or_fetch(print, tmp_path / "fetched")


class Machine:
    """A machine without a MySQL server, whose package sources are the release `stable` of a mirror."""

    def __init__(self, folder: Path, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.key = key
        self.stable, self.sid = Suite(folder / "mirror", "stable"), Suite(folder / "mirror", "sid")
        self.stable.add("base-files", {})
        source = f"deb [signed-by={key.keyring}] copy:{folder}/mirror stable main\n"
        monkeypatch.setenv("APT_CONFIG", str(write_system(folder / "system", source)))
        monkeypatch.setattr(mysql, "find", lambda: None)
        monkeypatch.setattr(mysql, "KEYRINGS", (folder / "not there", key.keyring))

    def fetch(self) -> list[str]:
        """Fetch MySQL, and return what starts it."""
        return find_or_fetch(print, self.folder / "fetched").command


@pytest.fixture
def machine(tmp_path: Path, key: Key, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, key, monkeypatch)


def lacks_a_library(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let programs lack a library, which these scripts do not."""
    write_script(machine.folder / "ldd" / "ldd", "echo 'libicuuc.so.78 => not found'")
    monkeypatch.setenv("PATH", str(machine.folder / "ldd"), prepend=":")


@NEEDS_APT
def test_the_newest_package_of_the_system_is_used(machine: Machine) -> None:
    machine.stable.add("mysql-server-core-8.0", {"usr/sbin/mysqld": "old", "usr/bin/mysqlbinlog": ""})
    machine.stable.add("mysql-server-core-8.4", {"usr/sbin/mysqld": "new", "usr/bin/mysqlbinlog": ""})
    machine.stable.add("mysql-server-core-dbgsym", {"usr/lib/debug": ""})
    machine.stable.publish("Ubuntu", machine.key)
    assert machine.fetch() == [str(machine.folder / "fetched/usr/sbin/mysqld")]
    assert (machine.folder / "fetched/usr/sbin/mysqld").read_text() == "new"
    assert not (machine.folder / "fetched/usr/bin").exists()
    assert not (machine.folder / "fetched.unfinished").exists()


@NEEDS_APT
def test_debian_has_it_in_its_unstable_release_to_be_started_with_that_ones_libraries(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks_a_library(machine, monkeypatch)
    machine.stable.publish("Debian", machine.key)
    machine.sid.add("mysql-server-core", {"usr/sbin/mysqld": ""}, depends="libc6, libicu78")
    machine.sid.add("libc6", {LOADER: "#!/bin/sh\n"})
    machine.sid.add("libicu78", {"usr/lib/x86_64-linux-gnu/libicuuc.so.78": ""})
    machine.sid.publish("Debian", machine.key)
    loader, option, libraries, server = machine.fetch()
    fetched = machine.folder / "fetched"
    assert (loader, option, server) == (str(fetched / LOADER), "--library-path", str(fetched / "usr/sbin/mysqld"))
    assert libraries == str(fetched / "usr/lib/x86_64-linux-gnu")


@NEEDS_APT
def test_an_unstable_release_that_is_not_signed_is_refused(machine: Machine) -> None:
    machine.stable.publish("Debian", machine.key)
    machine.sid.add("mysql-server-core", {"usr/sbin/mysqld": ""})
    machine.sid.publish("Debian")
    with pytest.raises(LocalCloudError, match=r"MySQL cannot be fetched: apt-get says:\n  [EW]: .*sid.*not signed"):
        machine.fetch()
    assert not (machine.folder / "fetched").exists()


@NEEDS_APT
def test_a_system_that_has_none_is_told_what_to_do(machine: Machine) -> None:
    machine.stable.publish("Raspbian", machine.key)
    with pytest.raises(LocalCloudError, match=r"have no mysql-server-core\n(.|\n)*try again(.|\n)*DATABASE_HOST"):
        machine.fetch()


@NEEDS_APT
def test_a_mirror_out_of_reach_is_named_as_the_reason(machine: Machine) -> None:
    with pytest.raises(LocalCloudError, match=r"MySQL cannot be fetched: apt-get says:\n  [EW]: .*mirror"):
        machine.fetch()


@NEEDS_APT
def test_after_a_failure_the_next_run_goes_on(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.stable.publish("Debian", machine.key)
    server = machine.sid.add("mysql-server-core", {"usr/sbin/mysqld": ""}, depends="libc6")
    library = machine.sid.add("libc6", {LOADER: "#!/bin/sh\n"})
    machine.sid.publish("Debian", machine.key)
    lacks_a_library(machine, monkeypatch)
    away = library.rename(library.with_suffix(".away"))
    with pytest.raises(LocalCloudError, match=r"MySQL cannot be fetched: apt-get says:\n  E: (.|\n)*libc6"):
        machine.fetch()
    away.rename(library)
    server.unlink()
    assert machine.fetch()
