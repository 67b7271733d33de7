"""Stand-ins for the instances of Auto Scaling groups, which an emulator does not start.

Each runs the gallery of one environment on a loopback port, with the package, the settings and the command in the user
data of the environment's launch template.
"""

import re
import shlex
import shutil
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from botocore.exceptions import ClientError

from local_cloud.emulator import client_environ
from local_cloud.session import EmulatorSession
from servers.ports import http_problem
from servers.processes import Child
from support.http_server import Request, serving
from support.launch_template import user_data
from support.waiting import SECONDS

SETTINGS = re.compile(r"/etc/gallery\.env <<'EOF'\n(.*?)^EOF$", re.MULTILINE | re.DOTALL)
PACKAGE = re.compile(r"'s3://([^/']+)/([^']+)'")
COMMAND = re.compile(r"^ExecStart=\S+ (.+)$", re.MULTILINE)


class Instance:
    """The one instance of an environment's gallery."""

    def __init__(self, stack: str, region: str, port: int, endpoint_url: str, folder: Path) -> None:
        """Choose the web stack and the port, without starting anything."""
        self._stack = stack
        self._session = EmulatorSession(endpoint_url, region)
        self._port = port
        self._endpoint_url = endpoint_url
        self._folder = folder
        self._child = Child("gallery", folder)
        self._running = ""

    def refresh(self) -> None:
        """Run what the newest launch template specifies, unless it runs already, and wait until it is ready."""
        template = self._launch_template()
        if not template or template == self._running:
            return
        self.stop()
        command, environ, content = self._command(template), self._environ(template), self._unpack(template)
        self._child.start(command, environ, content, lambda: http_problem(self._port, "/readyz"), SECONDS)
        self._running = template

    def stop(self) -> None:
        """Stop the gallery."""
        self._child.stop()

    def _launch_template(self) -> str:
        """Return the user data of the newest launch template, or an empty string before the stack exists."""
        try:
            return user_data(self._session.client("cloudformation"), self._session.client("ec2"), self._stack)
        except ClientError:
            return ""

    def _unpack(self, user_data: str) -> Path:
        bucket, key = _find(PACKAGE, user_data)
        content, archive = self._folder / "content", self._folder / "gallery.zip"
        shutil.rmtree(content, ignore_errors=True)
        self._folder.mkdir(exist_ok=True)
        self._session.client("s3").download_file(bucket, key, str(archive))
        with zipfile.ZipFile(archive) as package:
            package.extractall(content)
        return content

    def _environ(self, user_data: str) -> dict[str, str]:
        (settings,) = _find(SETTINGS, user_data)
        return {**client_environ(self._endpoint_url), **dict(line.split("=", 1) for line in settings.splitlines())}

    def _command(self, user_data: str) -> list[str]:
        (arguments,) = _find(COMMAND, user_data)
        command = shlex.split(arguments)
        command[command.index("--bind") + 1] = f"127.0.0.1:{self._port}"
        return [sys.executable, "-S", *command]  # -S: the package must not use packages installed here


@contextmanager
def refreshing(instances: Sequence[Instance]) -> Iterator[str]:
    """Return a URL that responds to a POST once all instances run what their launch templates specify.

    This stands in for CloudFormation, which waits for the signals of instances before it completes an update. The
    instances stop at the end of the block.
    """

    def refresh(_: Request) -> tuple[int, bytes]:
        try:
            for instance in instances:
                instance.refresh()
        except Exception as error:  # noqa: BLE001 - the caller reports it and fails
            return 500, f"{error}\n".encode()
        return 204, b""

    try:
        with serving(refresh) as url:
            yield url
    finally:
        for instance in instances:
            instance.stop()


def _find(pattern: re.Pattern[str], user_data: str) -> tuple[str, ...]:
    found = pattern.search(user_data)
    assert found, f"the user data lacks {pattern.pattern}"
    return found.groups()
