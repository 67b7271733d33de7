"""An instance that boots on this machine: what Amazon Linux would bring is stood in for, everything else is real."""

from __future__ import annotations

import http.client
import os
import shlex
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import psutil

from infrastructure.boot.network import MetadataService, Relay, network_of

HERE = Path(__file__).parent
SYSTEMD = "/lib/systemd/systemd"
PROGRAMS = ("unshare", "nsenter", "setpriv", "ip", "ldconfig", "curl", "useradd", SYSTEMD)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ADDRESS = ("127.0.0.2", 8080)
"""Not the loopback address that the user data asks: the gallery has to listen on all of them."""

# Where a program is that Amazon Linux has from the start, and what stands in for it.
PREINSTALLED = {
    "usr/bin/dnf": "dnf",
    "usr/bin/aws": "aws",
    "opt/aws/bin/cfn-signal": "cfn-signal",
    "etc/systemd/system/user-data.service": "user-data.service",
    "stand-ins/amazon-cloudwatch-agent-ctl": "amazon-cloudwatch-agent-ctl",
}


def obstacle() -> str | None:
    """Tell why no instance can boot here, if so."""
    if os.geteuid() != 0:
        return "only root can make the namespaces that an instance boots in"
    missing = [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]
    if missing:
        return f"an instance cannot boot here without {', '.join(missing)}"
    namespaces = ("--mount", "--net", "--uts", "--ipc", "--cgroup", "--pid", "--fork")
    trial = subprocess.run(["unshare", *namespaces, "true"], capture_output=True, text=True, check=False)
    return f"this machine allows no namespaces: {trial.stderr.strip()}" if trial.returncode else None


class Instance:
    """A machine with a real systemd, which runs user data. Nothing that happens in it reaches this machine."""

    def __init__(self, folder: Path, user_data: str, endpoint_url: str) -> None:
        """Lay out the files in an empty folder; nothing runs yet. All of AWS is at `endpoint_url`."""
        self._folder = folder
        self._records = folder / "records"
        self._process: subprocess.Popen[str] | None = None
        self._network: list[Relay | MetadataService] = []
        files = folder / "files"
        for place in ("opt/python", "opt/aws-cli", "var/lib/cloud", "etc/systemd/system.conf.d"):
            (files / place).mkdir(parents=True)
        for place, stand_in in PREINSTALLED.items():
            (files / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(HERE / "stand_ins" / stand_in, files / place)
        script = files / "var/lib/cloud/user-data"
        script.write_text(user_data, encoding="utf-8")
        script.chmod(0o700)
        environment = files / "etc/systemd/system.conf.d/endpoint.conf"
        environment.write_text(f"[Manager]\nDefaultEnvironment=AWS_ENDPOINT_URL={endpoint_url}\n", encoding="utf-8")
        for name in ("records", "machine"):
            (folder / name).mkdir()

    def start(self, servers: Mapping[int, Callable[[], socket.socket]]) -> None:
        """Boot; `servers` says how to reach what listens on the ports of the instance's loopback."""
        with (self._records / "machine.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "TERM"),  # nothing is left over when the tests are killed
                    *("unshare", "--mount", "--net", "--uts", "--ipc"),
                    *(str(HERE / "machine"), str(self._folder), "user-data.service"),
                ],
                env={"PATH": PATH, "PYTHON_HOME": sys.base_prefix, "AWS_CLI": sysconfig.get_path("purelib")},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RuntimeError(f"the machine cannot be made:\n{self._read('machine.log')}")
        self._network.append(MetadataService(self._process.pid))
        for port, connect in servers.items():
            self.serve(port, connect)
        self._process.stdin.write("boot\n")
        self._process.stdin.flush()

    def serve(self, port: int, connect: Callable[[], socket.socket]) -> None:
        """Let a server be reached on a port of the instance's loopback."""
        self._network.append(Relay(self._pid, port, connect))

    def stop(self) -> None:
        """End all its processes, and forget its files."""
        if self._process is None:
            return
        with self._process as process:
            process.terminate()
        for part in self._network:
            part.close()

    def get(self, path: str) -> tuple[int, str]:
        """Ask the gallery as a load balancer does, and return status and body."""
        with closing(self.connect()) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def connect(self) -> http.client.HTTPConnection:
        """Connect to the gallery as a load balancer does."""
        connection = http.client.HTTPConnection(*ADDRESS, timeout=30)
        with network_of(self._pid):
            connection.connect()
        return connection

    def run(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a command as root of the instance."""
        return subprocess.Popen(["nsenter", "--target", str(self._init.pid), "--all", *command])

    def answers(self, words: str) -> bool:
        """Tell whether /readyz answers, and says these words."""
        try:
            return words in self.get("/readyz")[1]
        except ConnectionError:
            return False

    def signals(self) -> list[dict[str, str]]:
        """Return the calls of cfn-signal: the value of each option."""
        calls = [shlex.split(line) for line in self._read("signals").splitlines()]
        return [dict(zip(call[::2], call[1::2], strict=True)) for call in calls]

    def wait_for(self, what: Callable[[], bool], seconds: float = 300) -> None:
        """Wait until something is so.

        Raises:
            AssertionError: it took too long; the message has the log of the boot.
        """
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, f"still waiting; the log of the boot:\n{self.boot_log()}"
            time.sleep(0.05)

    def booted(self) -> bool:
        """Tell whether the user data has ended, well or not."""
        return (self._records / "booted").exists()

    def boot_log(self) -> str:
        """Return what the user data said."""
        return self._read("boot.log")

    def agent_configuration(self) -> str:
        """Return what the CloudWatch agent was started with."""
        return self._read("agent.json")

    def file(self, path: str) -> Path:
        """Return a file of the instance."""
        return Path(f"/proc/{self._init.pid}/root", path.lstrip("/"))

    def gallery(self) -> list[psutil.Process]:
        """Return the processes of the service."""
        return [process for process in self._descendants() if "gunicorn" in _command(process)]

    @property
    def _pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def _init(self) -> psutil.Process:
        (init,) = (process for process in self._descendants() if process.name() == "systemd")
        return init

    def _descendants(self) -> list[psutil.Process]:
        return psutil.Process(self._pid).children(recursive=True)

    def _read(self, name: str) -> str:
        path = self._records / name
        return path.read_text(encoding="utf-8") if path.exists() else ""


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # it has just ended
        return []
