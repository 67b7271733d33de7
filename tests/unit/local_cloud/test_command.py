"""The commands `up` and `down`, as far as they start nothing."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from local_cloud import __main__ as command
from local_cloud.processes import Child


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["local_cloud", *arguments])
    return command.main()


@pytest.mark.parametrize("name", ["postgres", "MySQL", " mysql", ""])
def test_a_database_that_there_is_not_is_refused_with_those_that_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert run(monkeypatch, "up", "--database", name) == 1
    assert capsys.readouterr().err == f"DATABASE must be mariadb or mysql, not {name!r}.\n"


@pytest.mark.parametrize("name", ["mariadb", "mysql"])
def test_a_database_to_start_and_one_that_runs_elsewhere_exclude_each_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setenv("DATABASE_HOST", "db.example")
    assert run(monkeypatch, "up", "--database", name) == 1
    assert capsys.readouterr().err == f"DATABASE={name} starts a server, and DATABASE_HOST names one: set only one.\n"


def test_each_database_has_data_of_its_own() -> None:
    folders = command.FOLDERS.values()
    parts = ("database", "emulator", "logs", "run")
    assert len(set(folders)) == len(folders)
    assert not {folder / part for folder in folders for part in parts} & set(folders)


def test_down_stops_the_gallery_on_either_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "FOLDERS", {"mariadb": tmp_path, "mysql": tmp_path / "mysql-gallery"})
    left = [Child("gallery", folder) for folder in (tmp_path, tmp_path / "mysql-gallery")]
    for child in left:
        child.start([sys.executable, "-c", "import time; time.sleep(60)"], os.environ, tmp_path)
    processes = [psutil.Process(child.pid) for child in left]
    assert run(monkeypatch, "down") == 0
    assert capsys.readouterr().out == "Stopped.\n"
    assert [process.is_running() for process in processes] == [False, False]
    for child in left:
        child.stop()
    assert run(monkeypatch, "down") == 0
    assert capsys.readouterr().out == "Nothing is running.\n"
