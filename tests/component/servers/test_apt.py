"""Unpacking packages from a repository in a folder with the real apt."""

from pathlib import Path

import pytest

from servers import ServerError
from servers.apt import Apt
from support.package_repository import NEEDS_APT, Key, Suite

pytestmark = NEEDS_APT


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return Suite(tmp_path / "mirror", "stable")


def sources(tmp_path: Path, key: Key) -> str:
    return f"deb [signed-by={key.keyring}] copy:{tmp_path}/mirror stable main\n"


def test_packages_are_unpacked(tmp_path: Path, suite: Suite, key: Key) -> None:
    suite.add("server", {"usr/sbin/server": "#!/bin/sh\n"})
    suite.publish(key=key)
    Apt(tmp_path / "work", sources(tmp_path, key)).unpack(["server"], tmp_path / "unpacked")
    assert (tmp_path / "unpacked/usr/sbin/server").read_text() == "#!/bin/sh\n"


@pytest.mark.parametrize("fault", ["another key", "no signature", "a changed package"])
def test_packages_without_a_valid_signature_are_refused(tmp_path: Path, suite: Suite, key: Key, fault: str) -> None:
    package = suite.add("server", {"usr/sbin/server": "#!/bin/sh\n"})
    suite.publish(key={"another key": Key(tmp_path / "other"), "no signature": None}.get(fault, key))
    if fault == "a changed package":
        package.write_bytes(package.read_bytes()[:-1] + b"!")
    with pytest.raises(ServerError, match=r"apt-get failed:\n  [EW]: .*(\bsign|NO_PUBKEY|Hash Sum mismatch)"):
        Apt(tmp_path / "work", sources(tmp_path, key)).unpack(["server"], tmp_path / "unpacked")
    assert not (tmp_path / "unpacked").exists()


@pytest.mark.parametrize("damage", [lambda content: content[:100], lambda content: bytes(len(content))])
def test_the_next_run_repeats_an_interrupted_download(tmp_path: Path, suite: Suite, key: Key, damage: object) -> None:
    package = suite.add("server", {"usr/sbin/server": "#!/bin/sh\n"})
    suite.publish(key=key)
    Apt(tmp_path / "work", sources(tmp_path, key)).unpack(["server"], tmp_path / "first")
    (left,) = (tmp_path / "work").rglob("server_*.deb")
    left.unlink()
    left.write_bytes(damage(package.read_bytes()))  # type: ignore[operator]
    Apt(tmp_path / "work", sources(tmp_path, key)).unpack(["server"], tmp_path / "second")
    assert (tmp_path / "second/usr/sbin/server").exists()


def test_a_finished_download_is_not_repeated(tmp_path: Path, suite: Suite, key: Key) -> None:
    package = suite.add("server", {"usr/sbin/server": "#!/bin/sh\n"})
    suite.publish(key=key)
    Apt(tmp_path / "work", sources(tmp_path, key)).unpack(["server"], tmp_path / "first")
    package.unlink()
    Apt(tmp_path / "work", sources(tmp_path, key)).unpack(["server"], tmp_path / "second")
    assert (tmp_path / "second/usr/sbin/server").exists()


def test_an_outdated_package_of_an_earlier_run_is_not_unpacked(tmp_path: Path, suite: Suite, key: Key) -> None:
    suite.add("server", {"usr/sbin/old": "#!/bin/sh\n"})
    suite.publish(key=key)
    Apt(tmp_path / "work", sources(tmp_path, key)).unpack(["server"], tmp_path / "first")
    suite.add("server", {"usr/sbin/new": "#!/bin/sh\n"}, version="2")
    suite.publish(key=key)
    Apt(tmp_path / "work", sources(tmp_path, key)).unpack(["server"], tmp_path / "second")
    assert [file.name for file in (tmp_path / "second/usr/sbin").iterdir()] == ["new"]


def test_the_error_has_the_reason_of_a_failed_download(tmp_path: Path, suite: Suite, key: Key) -> None:
    suite.publish(key=key)
    with pytest.raises(ServerError, match="Unable to locate package server"):
        Apt(tmp_path / "work", sources(tmp_path, key)).unpack(["server"], tmp_path / "unpacked")


def test_only_libraries_are_fetched_with_the_server(tmp_path: Path, suite: Suite, key: Key) -> None:
    for library in ("libicu78", "zlib1g", "libperl5.42", "perl"):
        suite.add(library, {})
    suite.add("server", {}, depends="libicu78, zlib1g, libperl5.42, perl")
    suite.publish(key=key)
    apt = Apt(tmp_path / "work", sources(tmp_path, key))
    assert set(apt.missing_libraries_of(["server"])) == {"libicu78", "zlib1g"}


def test_an_unavailable_dependency_is_named(tmp_path: Path, suite: Suite, key: Key) -> None:
    suite.add("server", {}, depends="libicu78")
    suite.publish(key=key)
    with pytest.raises(ServerError, match="apt-get failed:\n  E: "):
        Apt(tmp_path / "work", sources(tmp_path, key)).missing_libraries_of(["server"])


@pytest.mark.parametrize("setting", ['APT::Default-Release "of-the-system";', 'APT::Get::Download-Only "true";'])
def test_settings_of_the_system_have_no_effect(
    tmp_path: Path, suite: Suite, key: Key, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    (tmp_path / "apt.conf").write_text(setting)
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    suite.add("server", {"usr/sbin/server": ""})
    suite.publish(key=key)
    Apt(tmp_path / "work", sources(tmp_path, key)).unpack(["server"], tmp_path / "unpacked")
    assert (tmp_path / "unpacked/usr/sbin/server").exists()


def test_a_machine_without_apt_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match="this machine has no apt-get"):
        Apt(tmp_path / "work")
