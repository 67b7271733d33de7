"""The command `operate`, as far as it needs no running gallery, and how it finds one."""

import json
import sys
from pathlib import Path

import psutil
import pytest

from local_cloud import LocalCloudError
from local_cloud.__main__ import main
from local_cloud.cloud import RunningCloud, find_running
from servers.processes import write_note


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """Run a command and return its exit code, or its error message."""
    monkeypatch.setattr(sys, "argv", ["local-cloud", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


@pytest.mark.parametrize("command", ["plan", "apply", "delete", "publish"])
def test_only_make_up_changes_the_stacks_of_the_gallery(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    assert run(monkeypatch, "operate", command, "local") == 2


def test_a_gallery_that_is_not_running_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match="No gallery is running here"):
        find_running([tmp_path, tmp_path / "missing"])


def test_the_running_gallery_is_found_in_its_folder(tmp_path: Path) -> None:
    note = tmp_path / "other" / "run" / "supervisor.json"
    write_note(note, psutil.Process(), endpoint_url="http://127.0.0.1:4567", variables=json.dumps({"PLATFORM": "host"}))
    found = find_running([tmp_path, tmp_path / "other"])
    assert found == RunningCloud("http://127.0.0.1:4567", {"PLATFORM": "host"})
