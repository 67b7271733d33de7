"""An instance that boots on this machine. Programs of Amazon Linux are replaced by stand-ins; the rest is real."""

import http.client
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from http.server import ThreadingHTTPServer
from pathlib import Path

import psutil

from infrastructure.boot.network import MetadataService, network_of
from support.http_server import Server, running
from support.relay import Relay, Target
from support.waiting import wait_until

HERE = Path(__file__).parent
SYSTEMD = "/lib/systemd/systemd"
PROGRAMS = ("unshare", "nsenter", "setpriv", "ip", "ldconfig", "curl", "useradd", SYSTEMD)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ADDRESS = ("127.0.0.2", 8080)
"""Not the loopback address that the user data uses: the gallery must listen on all addresses."""

# Paths of programs that Amazon Linux includes, and their stand-ins.
PREINSTALLED = {
    "usr/bin/dnf": "dnf",
    "usr/bin/aws": "aws",
    "opt/aws/bin/cfn-signal": "cfn-signal",
    "etc/systemd/system/user-data.service": "user-data.service",
    "stand-ins/amazon-cloudwatch-agent-ctl": "amazon-cloudwatch-agent-ctl",
}


def obstacle() -> str | None:
    """Return why instances cannot boot on this machine, or None if they can."""
    if os.geteuid() != 0:
        return "only root can create the namespaces in which an instance boots"
    missing = [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]
    if missing:
        return f"an instance needs missing programs: {', '.join(missing)}"
    namespaces = ("--mount", "--net", "--uts", "--ipc", "--cgroup", "--pid", "--fork")
    trial = subprocess.run(["unshare", *namespaces, "true"], capture_output=True, text=True, check=False)
    return f"namespaces are not allowed: {trial.stderr.strip()}" if trial.returncode else None


class Instance:
    """A sandboxed machine with a real systemd, which runs user data. It cannot affect this machine."""

    def __init__(self, folder: Path, user_data: str, endpoint_url: str) -> None:
        """Write the files to an empty folder, without booting. `endpoint_url` serves all of AWS."""
        self._folder = folder
        self._records = folder / "records"
        self._process: subprocess.Popen[str] | None = None
        self._network = ExitStack()
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

    def start(self, servers: Mapping[int, Target]) -> None:
        """Boot; `servers` connects ports of the instance's loopback to servers."""
        with (self._records / "machine.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "TERM"),  # the instance ends if the tests are killed
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
            raise RuntimeError(f"the machine does not start:\n{self._read('machine.log')}")
        self._add_to_network(lambda: ThreadingHTTPServer(MetadataService.ADDRESS, MetadataService))
        for port, target in servers.items():
            self.serve(port, target)
        self._process.stdin.write("boot\n")
        self._process.stdin.flush()

    def serve(self, port: int, target: Target) -> None:
        """Make a server available on a port of the instance's loopback."""
        self._add_to_network(lambda: Relay(target, port))

    def stop(self) -> None:
        """Stop all its processes."""
        if self._process is None:
            return
        with self._process as process:
            process.terminate()
        self._network.close()

    def get(self, path: str) -> tuple[int, str]:
        """Send a request to the gallery as a load balancer does, and return status and body."""
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
        """Start a command as root on the instance."""
        return subprocess.Popen(["nsenter", "--target", str(self._init.pid), "--all", *command])

    def answers(self, words: str) -> bool:
        """Return whether /readyz responds with a body that contains these words."""
        try:
            return words in self.get("/readyz")[1]
        except ConnectionError:
            return False

    def signals(self) -> list[dict[str, str]]:
        """Return the calls of cfn-signal, each as values by option."""
        calls = [shlex.split(line) for line in self._read("signals").splitlines()]
        return [dict(zip(call[::2], call[1::2], strict=True)) for call in calls]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition; if the time is up, the error includes the boot log."""
        wait_until(condition, self.boot_log)

    def booted(self) -> bool:
        """Return whether the user data has finished, successfully or not."""
        return (self._records / "booted").exists()

    def boot_log(self) -> str:
        """Return the output of the user data."""
        return self._read("boot.log")

    def agent_configuration(self) -> str:
        """Return the configuration that the CloudWatch agent was started with."""
        return self._read("agent.json")

    def file(self, path: str) -> Path:
        """Return a file of the instance."""
        return Path(f"/proc/{self._init.pid}/root", path.lstrip("/"))

    def gallery(self) -> list[psutil.Process]:
        """Return the processes of the gallery."""
        return [process for process in self._descendants() if "gunicorn" in _command(process)]

    def _add_to_network(self, listen: Callable[[], Server]) -> None:
        with network_of(self._pid):
            server = listen()
        self._network.enter_context(running(server))

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
    except psutil.NoSuchProcess:  # it has just exited
        return []
