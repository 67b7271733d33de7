"""Unpacking packages from a repository in a folder with the real apt."""

from collections.abc import Callable
from pathlib import Path

import pytest

from servers import ServerError
from servers.apt import Apt
from support.package_repository import NEEDS_APT, Key, Suite

pytestmark = NEEDS_APT


class Archive(Suite):
    """The release `stable` of a mirror, and an apt that uses nothing else."""

    def __init__(self, folder: Path, key: Key) -> None:
        super().__init__(folder / "mirror", "stable")
        self.folder = folder
        self.sources = f"deb [signed-by={key.keyring}] copy:{folder}/mirror stable main\n"

    def apt(self) -> Apt:
        return Apt(self.folder / "work", self.sources)

    def unpack(self, name: str = "unpacked") -> list[str]:
        """Unpack the package `server` into a folder, and return the names of its programs."""
        self.apt().unpack(["server"], self.folder / name)
        return [file.name for file in (self.folder / name / "usr/sbin").iterdir()]


@pytest.fixture
def archive(tmp_path: Path, key: Key) -> Archive:
    return Archive(tmp_path, key)


def test_packages_are_unpacked(archive: Archive, key: Key) -> None:
    archive.add("server", {"usr/sbin/server": "#!/bin/sh\n"})
    archive.publish(key=key)
    assert archive.unpack() == ["server"]
    assert (archive.folder / "unpacked/usr/sbin/server").read_text() == "#!/bin/sh\n"


@pytest.mark.parametrize("fault", ["another key", "no signature", "a changed package"])
def test_packages_without_a_valid_signature_are_refused(archive: Archive, key: Key, fault: str) -> None:
    package = archive.add("server", {"usr/sbin/server": "#!/bin/sh\n"})
    archive.publish(key={"another key": Key(archive.folder / "other"), "no signature": None}.get(fault, key))
    if fault == "a changed package":
        package.write_bytes(package.read_bytes()[:-1] + b"!")
    with pytest.raises(ServerError, match=r"apt-get failed:\n  [EW]: .*(\bsign|NO_PUBKEY|Hash Sum mismatch)"):
        archive.unpack()
    assert not (archive.folder / "unpacked").exists()


@pytest.mark.parametrize("damage", [lambda content: content[:100], lambda content: bytes(len(content))])
def test_the_next_run_repeats_an_interrupted_download(
    archive: Archive, key: Key, damage: Callable[[bytes], bytes]
) -> None:
    package = archive.add("server", {"usr/sbin/server": "#!/bin/sh\n"})
    archive.publish(key=key)
    archive.unpack("first")
    (download,) = (archive.folder / "work").rglob("server_*.deb")
    download.unlink()
    download.write_bytes(damage(package.read_bytes()))
    assert archive.unpack("second") == ["server"]


def test_a_finished_download_is_not_repeated(archive: Archive, key: Key) -> None:
    package = archive.add("server", {"usr/sbin/server": "#!/bin/sh\n"})
    archive.publish(key=key)
    archive.unpack("first")
    package.unlink()
    assert archive.unpack("second") == ["server"]


def test_an_outdated_package_of_an_earlier_run_is_not_unpacked(archive: Archive, key: Key) -> None:
    for version, program in (("1", "old"), ("2", "new")):
        archive.add("server", {f"usr/sbin/{program}": "#!/bin/sh\n"}, version=version)
        archive.publish(key=key)
        assert archive.unpack(program) == [program]


def test_the_error_has_the_reason_of_a_failed_download(archive: Archive, key: Key) -> None:
    archive.publish(key=key)
    with pytest.raises(ServerError, match="Unable to locate package server"):
        archive.unpack()


def test_only_libraries_are_fetched_with_the_server(archive: Archive, key: Key) -> None:
    for library in ("libicu78", "zlib1g", "libperl5.42", "perl"):
        archive.add(library, {})
    archive.add("server", {}, depends="libicu78, zlib1g, libperl5.42, perl")
    archive.publish(key=key)
    assert set(archive.apt().missing_libraries_of(["server"])) == {"libicu78", "zlib1g"}


def test_an_unavailable_dependency_is_named(archive: Archive, key: Key) -> None:
    archive.add("server", {}, depends="libicu78")
    archive.publish(key=key)
    with pytest.raises(ServerError, match="apt-get failed:\n  E: "):
        archive.apt().missing_libraries_of(["server"])


@pytest.mark.parametrize("setting", ['APT::Default-Release "of-the-system";', 'APT::Get::Download-Only "true";'])
def test_settings_of_the_system_have_no_effect(
    archive: Archive, key: Key, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    (archive.folder / "apt.conf").write_text(setting)
    monkeypatch.setenv("APT_CONFIG", str(archive.folder / "apt.conf"))
    archive.add("server", {"usr/sbin/server": ""})
    archive.publish(key=key)
    assert archive.unpack() == ["server"]


def test_a_machine_without_apt_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match="this machine has no apt-get"):
        Apt(tmp_path / "work")
