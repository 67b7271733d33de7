"""The commands `up` and `down`, as far as they start nothing."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from local_cloud.__main__ import main
from local_cloud.cloud import FOLDERS
from servers.processes import Child


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """Run a command and return its exit code, or its error message."""
    monkeypatch.setattr(sys, "argv", ["local-cloud", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


@pytest.mark.parametrize("name", ["postgres", "MySQL", " mysql", ""])
def test_an_unknown_database_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert run(monkeypatch, "up", "--database", name) == 2
    assert f"{name!r} is not one of 'mariadb', 'mysql'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["mariadb", "mysql"])
def test_a_database_and_an_external_one_are_mutually_exclusive(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("DATABASE_HOST", "db.example")
    expected = f"DATABASE={name} starts a server and DATABASE_HOST names one: set only one."
    assert run(monkeypatch, "up", "--database", name) == expected


@pytest.mark.parametrize("arguments", [["up", "--port", "many"], ["up", "8081"], ["sideways"]])
def test_a_wrong_usage_has_exit_code_2(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    assert run(monkeypatch, *arguments) == 2


def test_each_database_has_its_own_data() -> None:
    folders = FOLDERS.values()
    parts = ("database", "emulator", "logs", "run")
    assert len(set(folders)) == len(folders)
    assert not {folder / part for folder in folders for part in parts} & set(folders)


def test_down_stops_the_gallery_on_either_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(FOLDERS, "mariadb", tmp_path)
    monkeypatch.setitem(FOLDERS, "mysql", tmp_path / "mysql-gallery")
    orphans = [Child("gallery", folder) for folder in FOLDERS.values()]
    for child in orphans:
        child.start([sys.executable, "-c", "import time; time.sleep(60)"], os.environ, tmp_path)
    processes = [psutil.Process(child.pid) for child in orphans]
    assert run(monkeypatch, "down") == 0
    assert capsys.readouterr().out == "Stopped.\n"
    assert [process.is_running() for process in processes] == [False, False]
    for child in orphans:
        child.stop()
    assert run(monkeypatch, "down") == 0
    assert capsys.readouterr().out == "Nothing is running.\n"
