"""Finding the programs of MySQL, and fetching them if they are not installed."""

from pathlib import Path

import pytest

from servers import ServerError, mysql
from servers.installation import Installation
from servers.mariadb import MariaDb
from servers.mysql import MySql
from support.package_repository import NEEDS_APT, Key, Suite, write_system
from support.shell_script import write_script

LOADER = "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"


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
    found = MySql.find()
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
def test_other_products_and_old_versions_are_not_used(path: Path, answer: str) -> None:
    write_script(path / "mysqld", answer)
    assert MySql.find() is None


def test_a_mariadb_earlier_on_the_path_does_not_hide_mysql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_script(tmp_path / "first" / "mysqld", "echo 'mysqld  Ver 10.11.14-MariaDB'")
    write_script(tmp_path / "second" / "mysqld", "echo 'mysqld  Ver 8.4.7'")
    monkeypatch.setenv("PATH", f"{tmp_path / 'first'}:{tmp_path / 'second'}")
    found = MySql.find()
    assert found is not None
    assert found.server == tmp_path / "second" / "mysqld"


def test_a_server_confined_by_apparmor_is_not_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = path / "mysqld"
    write_script(server, "echo 'mysqld  Ver 8.0.43'")
    monkeypatch.setattr(mysql, "CONFINED", {server: path / "profile"})
    assert MySql.find() is not None
    (path / "profile").touch()
    assert MySql.find() is None


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("product", [MariaDb, MySql])
def test_without_a_server_and_without_apt_the_error_gives_advice(tmp_path: Path, product: type[Installation]) -> None:
    assert product.find() is None
    advice = rf"no apt-get(.|\n)*brew install {product.product.lower()}(.|\n)*DATABASE_HOST"
    with pytest.raises(ServerError, match=advice):
        product.find_or_fetch(print, tmp_path / "fetched")


class Machine:
    """A machine without a MySQL server; its package source is the release `stable` of a mirror."""

    def __init__(self, folder: Path, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.key = key
        self.stable, self.sid = Suite(folder / "mirror", "stable"), Suite(folder / "mirror", "sid")
        self.stable.add("base-files", {})
        source = f"deb [signed-by={key.keyring}] copy:{folder}/mirror stable main\n"
        monkeypatch.setenv("APT_CONFIG", str(write_system(folder / "system", source)))
        monkeypatch.setattr(MySql, "find", lambda: None)
        monkeypatch.setattr(mysql, "KEYRINGS", (folder / "not there", key.keyring))

    def fetch(self) -> list[str]:
        """Fetch MySQL and return the command that starts it."""
        return MySql.find_or_fetch(print, self.folder / "fetched").command


@pytest.fixture
def machine(tmp_path: Path, key: Key, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, key, monkeypatch)


def remove_library(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `ldd` report a missing library; the scripts of these tests need none."""
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
def test_on_debian_the_package_of_the_unstable_release_is_started_with_its_own_libraries(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_library(machine, monkeypatch)
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
def test_an_unsigned_unstable_release_is_refused(machine: Machine) -> None:
    machine.stable.publish("Debian", machine.key)
    machine.sid.add("mysql-server-core", {"usr/sbin/mysqld": ""})
    machine.sid.publish("Debian")
    with pytest.raises(ServerError, match=r"MySQL cannot be fetched: apt-get failed:\n  [EW]: .*sid.*not signed"):
        machine.fetch()
    assert not (machine.folder / "fetched").exists()


@NEEDS_APT
def test_the_error_on_a_system_without_the_package_gives_advice(machine: Machine) -> None:
    machine.stable.publish("Raspbian", machine.key)
    with pytest.raises(ServerError, match=r"have no mysql-server-core\n(.|\n)*try again(.|\n)*DATABASE_HOST"):
        machine.fetch()


@NEEDS_APT
def test_an_unreachable_mirror_is_named_as_the_reason(machine: Machine) -> None:
    with pytest.raises(ServerError, match=r"MySQL cannot be fetched: apt-get failed:\n  [EW]: .*mirror"):
        machine.fetch()


@NEEDS_APT
def test_the_next_run_continues_after_a_failure(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.stable.publish("Debian", machine.key)
    server = machine.sid.add("mysql-server-core", {"usr/sbin/mysqld": ""}, depends="libc6")
    library = machine.sid.add("libc6", {LOADER: "#!/bin/sh\n"})
    machine.sid.publish("Debian", machine.key)
    remove_library(machine, monkeypatch)
    away = library.rename(library.with_suffix(".away"))
    with pytest.raises(ServerError, match=r"MySQL cannot be fetched: apt-get failed:\n  E: (.|\n)*libc6"):
        machine.fetch()
    away.rename(library)
    server.unlink()
    assert machine.fetch()
