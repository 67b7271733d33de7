"""The common part of both AWS emulators: a child process on a port of the loopback, and how clients find it."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar

from servers.database import make_private
from servers.ports import check_free, http_problem
from servers.processes import Child

STOP_SECONDS = 20.0
PORT_SECONDS = 5.0

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}  # emulators accept any

NO_PROXY = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}

FOR_FUNCTIONS = ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE")
"""Variables of the user's environment that functions may read."""


class Emulator(ABC):
    """An AWS emulator as a child process."""

    folder: ClassVar[str]
    """The name of its folder in the data folder."""
    command: ClassVar[tuple[str, ...]]
    health: ClassVar[str]
    """The path that answers 200 once it is ready."""

    def __init__(self, data: Path, port: int, environ: Mapping[str, str]) -> None:
        """Choose the port and the folder; `start` starts it.

        Args:
            data: the data folder, for its state, objects and logs.
            port: on the loopback.
            environ: the user's environment; only a few of its variables are passed on.
        """
        self._folder = data.absolute() / self.folder
        self._port = port
        self._user_environ = environ
        self.child = Child("emulator", data.absolute())
        self.endpoint_url = f"http://127.0.0.1:{port}"
        self.problem = partial(http_problem, port, self.health)
        """Returns why it does not answer, or "" if it does."""

    def start(self) -> None:
        """Start the emulator and wait until it answers. An orphaned one of a killed process is stopped first.

        Raises:
            ServerError: it does not start; the message has the log tail.
            LocalCloudError: a program that it needs is not installed.
        """
        self.clear()
        check_free(self._port, "EMULATOR_PORT", PORT_SECONDS)  # or another program's answers would count as its own
        self.prepare()
        self.child.start(self.command, self.environ(), self._folder, self.problem)

    def clear(self) -> None:
        """Stop the emulator, or an orphaned one of a killed process."""
        self.child.clear()
        self.stop_databases()

    def stop(self) -> None:
        """Stop the emulator; it may save its state first."""
        self.child.stop(STOP_SECONDS)
        self.stop_databases()

    def abandon(self) -> None:
        """Kill the emulator before it saves its state; MiniStack's objects and waiting events are on disk already."""
        self.child.stop(0)
        self.stop_databases()

    @abstractmethod
    def stop_databases(self) -> None:
        """Stop the database servers of a killed emulator."""

    @abstractmethod
    def prepare(self) -> None:
        """Check what it needs and create its folders."""

    def _make_folders(self, *names: str) -> None:
        for name in names:
            make_private(self._folder / name)

    def environ(self) -> dict[str, str]:
        """Return all environment variables of the emulator."""
        return {
            "PATH": self._user_environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "HOME": str(self._folder / "home"),
            "TMPDIR": str(self._folder / "tmp"),
            "PYTHONUNBUFFERED": "1",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            **NO_PROXY,
            **CREDENTIALS,
        }

    def function_environ(self) -> dict[str, str]:
        """Return the variables that functions get in addition to those of Lambda."""
        return {
            "OPENBLAS_NUM_THREADS": "1",
            **{name: self._user_environ[name] for name in FOR_FUNCTIONS if self._user_environ.get(name)},
        }


def client_environ(endpoint_url: str) -> dict[str, str]:
    """Return the variables with which boto3 uses an emulator, and no account of the user."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **NO_PROXY,
        **CREDENTIALS,
    }
