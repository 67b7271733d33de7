"""Finding the programs of MariaDB, and fetching them if they are not installed."""

from pathlib import Path

import pytest

from servers.mariadb import MariaDb
from support.package_repository import NEEDS_APT, Key, Suite, write_system
from support.shell_script import write_script


def test_an_installed_server_is_used_with_the_folders_around_it(tmp_path: Path, path: Path) -> None:
    write_script(tmp_path / "opt" / "sbin" / "mariadbd")
    write_script(tmp_path / "opt" / "scripts" / "mariadb-install-db")
    (tmp_path / "opt" / "share" / "mariadb" / "charsets").mkdir(parents=True)
    (path / "mariadbd").symlink_to(tmp_path / "opt" / "sbin" / "mariadbd")
    installation = MariaDb.find_or_fetch(print, tmp_path / "fetched")
    assert installation.command == [str(tmp_path / "opt" / "sbin" / "mariadbd")]
    assert installation.setup(Path("/base"), Path("/tables"))[0] == "/base/scripts/mariadb-install-db"
    assert installation.messages == tmp_path / "opt" / "share" / "mariadb"
    assert installation.environ({"A": "b"}) == {"A": "b"}
    assert not (tmp_path / "fetched").exists()


@pytest.mark.usefixtures("path")
def test_a_fetched_server_finds_its_libraries(tmp_path: Path) -> None:
    write_script(tmp_path / "fetched" / "usr" / "sbin" / "mariadbd")
    libraries = tmp_path / "fetched" / "usr" / "lib" / "x86_64-linux-gnu"
    libraries.mkdir(parents=True)
    (libraries / "liburing.so.2").touch()
    installation = MariaDb.find_or_fetch(print, tmp_path / "fetched")
    assert installation.environ({"LD_LIBRARY_PATH": "/mine"})["LD_LIBRARY_PATH"] == f"{libraries}:/mine"


@NEEDS_APT
def test_the_packages_come_from_the_sources_of_the_system_even_if_its_lists_are_empty(
    tmp_path: Path, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MariaDb, "find", lambda: None)
    suite = Suite(tmp_path / "mirror", "bookworm")
    suite.add("mariadb-server-core", {"usr/sbin/mariadbd": "", "usr/bin/mariadb-install-db": ""})
    suite.add("mariadb-client-core", {"usr/bin/my_print_defaults": ""})
    suite.publish(key=key)
    system = write_system(tmp_path / "system", f"deb [signed-by={key.keyring}] copy:{tmp_path}/mirror bookworm main\n")
    monkeypatch.setenv("APT_CONFIG", str(system))
    installation = MariaDb.find_or_fetch(print, tmp_path / "fetched")
    assert installation.command == [str(tmp_path / "fetched/usr/sbin/mariadbd")]
    assert (tmp_path / "fetched/usr/bin/my_print_defaults").exists()
    assert not list((tmp_path / "system/lists").glob("*Packages*"))
