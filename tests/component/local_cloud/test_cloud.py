"""Folders, environment variables and messages of the local cloud. tests/integration runs all of it."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local_cloud import LocalCloudError
from local_cloud import cloud as module
from local_cloud.cloud import AlreadyRunningError, LocalCloud, stop_running
from local_cloud.emulator import client_environ
from local_cloud.ministack import MiniStack
from local_cloud.session import EmulatorSession
from servers import ServerError
from servers.ports import free_ports
from servers.processes import Child, write_note


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


def test_a_taken_port_stops_the_start_and_unlocks_the_folder(tmp_path: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        for _ in range(2):  # the first attempt must unlock the folder
            with pytest.raises(ServerError, match=f"Port {taken} is in use.*EMULATOR_PORT={taken + 1}"):
                LocalCloud(tmp_path, port, taken, {}).start(print)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_a_full_disk_stops_the_start(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIN_FREE_BYTES", 1 << 62)
    with pytest.raises(LocalCloudError, match="MB are free in"):
        LocalCloud(tmp_path, port, port, {}).start(print)


def test_a_second_cloud_in_a_folder_is_refused_with_the_address_of_the_first(tmp_path: Path, port: int) -> None:
    lock = module._lock(tmp_path)
    write_note(tmp_path / "run" / "supervisor.json", psutil.Process(), url="http://127.0.0.1:8080")
    with pytest.raises(AlreadyRunningError, match=r"already running here: http://127.0.0.1:8080"):
        LocalCloud(tmp_path, port, port, {}).start(print)
    lock.close()


def test_down_stops_nothing_in_an_unused_folder(tmp_path: Path) -> None:
    assert not stop_running(tmp_path)
    assert not stop_running(tmp_path / "not there")


def test_down_stops_orphaned_processes(tmp_path: Path) -> None:
    left = Child("emulator", tmp_path)
    left.start([sys.executable, "-c", "import time; time.sleep(60)"], os.environ, tmp_path)
    process = psutil.Process(left.pid)
    assert stop_running(tmp_path)
    assert not process.is_running()
    assert not stop_running(tmp_path)
    left.stop()


def test_down_stops_a_running_cloud(tmp_path: Path) -> None:
    program = (
        "import pathlib, signal, sys, psutil\n"
        "from local_cloud.cloud import _lock, _note\n"
        "from servers.processes import write_note\n"
        "data = pathlib.Path(sys.argv[1])\n"
        "lock = _lock(data)\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "write_note(_note(data), psutil.Process(), url='')\n"
        "print('running', flush=True)\n"
        "signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"running\n"
        assert stop_running(tmp_path)
        assert running.wait(10) == 7


def test_aws_calls_go_to_the_emulator_and_not_to_the_account_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text("[profile work]\nregion = eu-central-1\nendpoint_url = https://s3.example\n")
    theirs = {
        "AWS_PROFILE": "work",
        "AWS_CONFIG_FILE": str(config),
        "AWS_ENDPOINT_URL_S3": "https://s3.example",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_SESSION_TOKEN": "theirs",
    }
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)
    session = EmulatorSession("http://127.0.0.1:4566")
    for client in (session.client("s3"), session.resource("s3").meta.client):
        assert client.meta.endpoint_url == "http://127.0.0.1:4566"
        assert client.meta.region_name == "us-east-1"
    credentials = session.get_credentials()
    assert credentials is not None
    assert (credentials.access_key, credentials.token) == ("test", None)


def test_the_emulator_gets_only_the_variables_that_functions_need(tmp_path: Path) -> None:
    user = {
        "PATH": "/usr/bin",
        "HOME": "/home/me",
        "PYTHONPATH": "services",
        "AWS_PROFILE": "work",
        "GITHUB_TOKEN": "secret",
        "GEMINI_API_KEY": "key",
        "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:9",
    }
    environ = MiniStack(tmp_path, 4566, user).environ()
    kept = {name for name in user if environ.get(name) == user[name]}
    assert kept == {"PATH", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"}
    assert environ["BIND_HOST"] == "127.0.0.1"
    for name in ("HOME", "TMPDIR", "STATE_DIR", "S3_DATA_DIR", "EVENTS_DIR"):
        assert Path(environ[name]).is_relative_to(tmp_path)
    assert "GEMINI_API_KEY" not in MiniStack(tmp_path, 4566, {"GEMINI_API_KEY": ""}).environ()


def test_clients_use_no_proxy_for_this_machine() -> None:
    assert "127.0.0.1" in client_environ("http://127.0.0.1:4566")["NO_PROXY"]
