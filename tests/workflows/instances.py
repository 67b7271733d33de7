"""Stands in for the instances of Auto Scaling groups, which an emulator does not start.

Each serves the gallery of one environment on a port of the loopback, from the very package that the environment's
launch template names, with the settings and the command that its user data has.
"""

from __future__ import annotations

import base64
import re
import shlex
import shutil
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Self

import boto3
from botocore.exceptions import ClientError

from local_cloud.emulator import client_environ
from servers.ports import http_problem
from servers.processes import Child

START_SECONDS = 300.0
SETTINGS = re.compile(r"/etc/gallery\.env <<'EOF'\n(.*?)^EOF$", re.MULTILINE | re.DOTALL)
PACKAGE = re.compile(r"'s3://([^/']+)/([^']+)'")
COMMAND = re.compile(r"^ExecStart=\S+ (.+)$", re.MULTILINE)


class Instance:
    """The one instance of an environment's gallery."""

    def __init__(self, stack: str, region: str, port: int, endpoint_url: str, folder: Path) -> None:
        """Choose the web stack and the port; nothing runs yet."""
        self._stack = stack
        self._region = region
        self._port = port
        self._endpoint_url = endpoint_url
        self._folder = folder
        self._child = Child("gallery", folder)
        self._user_data = ""

    def refresh(self) -> None:
        """Run what the newest launch template says, if that is not what runs, and wait until it is ready."""
        user_data = self._launch_template()
        if not user_data or user_data == self._user_data:
            return
        self.stop()
        command, environ, content = self._command(user_data), self._environ(user_data), self._unpack(user_data)
        self._child.start(command, environ, content, lambda: http_problem(self._port, "/readyz"), START_SECONDS)
        self._user_data = user_data

    def stop(self) -> None:
        """Stop the gallery."""
        self._child.stop()

    def _launch_template(self) -> str:
        """Return the user data of the newest launch template, or nothing when there is no stack yet."""
        try:
            resource = boto3.client("cloudformation", region_name=self._region).describe_stack_resource(
                StackName=self._stack, LogicalResourceId="LaunchTemplate"
            )
        except ClientError:
            return ""
        (version,) = boto3.client("ec2", region_name=self._region).describe_launch_template_versions(
            LaunchTemplateId=resource["StackResourceDetail"]["PhysicalResourceId"], Versions=["$Latest"]
        )["LaunchTemplateVersions"]
        return base64.b64decode(version["LaunchTemplateData"]["UserData"]).decode()

    def _unpack(self, user_data: str) -> Path:
        bucket, key = _find(PACKAGE, user_data)
        content, archive = self._folder / "content", self._folder / "gallery.zip"
        shutil.rmtree(content, ignore_errors=True)
        self._folder.mkdir(exist_ok=True)
        boto3.client("s3", region_name=self._region).download_file(bucket, key, str(archive))
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
        return [sys.executable, "-S", *command]  # -S: what is installed here must not be missed in the package


class Instances:
    """All instances, and an address to post to: the answer comes when they run what their launch templates say.

    So does CloudFormation wait for the signals of instances, before a stack counts as updated.
    """

    def __init__(self, instances: list[Instance]) -> None:
        """Listen on a free port."""
        self._instances = instances
        self._server = HTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop everything."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for instance in self._instances:
            instance.stop()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        instances = self._instances

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                try:
                    for instance in instances:
                        instance.refresh()
                except Exception as error:  # noqa: BLE001 - whoever asked is told, and fails
                    self.send_response(500)
                    self.end_headers()
                    self.wfile.write(f"{error}\n".encode())
                    return
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                pass

        return Handler


def _find(pattern: re.Pattern[str], user_data: str) -> tuple[str, ...]:
    found = pattern.search(user_data)
    assert found, f"the user data has no {pattern.pattern}"
    return found.groups()
