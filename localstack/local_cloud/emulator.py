"""The AWS emulator: MiniStack on a port of the loopback, with its state and its objects in the data folder."""

from __future__ import annotations

import http.client
import logging
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from local_cloud import REPOSITORY, LocalCloudError
from local_cloud.database import make_private
from local_cloud.mariadb import find_or_fetch
from local_cloud.ports import check_free
from local_cloud.processes import Child, stop_noted

logger = logging.getLogger(__name__)

PYTHON = REPOSITORY / ".local" / "venv" / "emulator" / "bin" / "python"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
PORT_SECONDS = 5.0

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}  # any are accepted

NO_PROXY = "127.0.0.1,localhost"

FOR_FUNCTIONS = ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE")
"""Variables of the user that functions may see: they inherit the emulator's environment."""


class Emulator:
    """MiniStack with our extensions, as a child process."""

    def __init__(self, data: Path, port: int, environ: Mapping[str, str], *, databases: bool = False) -> None:
        """Choose the port and the folder; nothing is started yet.

        Args:
            data: the folder of state, objects and logs.
            port: on the loopback.
            environ: the user's environment, of which little is passed on.
            databases: whether a MariaDB server runs behind each database instance that stacks create.
        """
        self._folder = data.absolute() / "emulator"
        self._port = port
        self._user_environ = environ
        self._databases = self._folder / "databases" if databases else None
        self.child = Child("emulator", data.absolute())
        self.endpoint_url = f"http://127.0.0.1:{port}"

    def start(self) -> None:
        """Start the emulator and wait until it answers. One that a killed predecessor left is stopped first.

        Raises:
            LocalCloudError: it does not start, and the message has the end of its log; or there is no MariaDB for its
                databases.
        """
        self.clear()
        if self._databases:
            find_or_fetch(logger.info)  # or the first instance would take as long as that does
        check_free(self._port, "EMULATOR_PORT", PORT_SECONDS)  # or another program's answers would be taken for ours
        make_private(self._folder)
        shutil.rmtree(self._folder / "tmp", ignore_errors=True)  # a killed one leaves the code of its functions there
        for name in ("tmp", "home", "state", "objects", "events", "code"):
            make_private(self._folder / name)
        self.child.start([str(PYTHON), "-m", "ministack_extensions"], self.environ(), REPOSITORY / "localstack")
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.child.exit_code() is not None or time.monotonic() > deadline:
                self.child.stop()
                raise LocalCloudError(f"The AWS emulator does not start:\n{self.child.last_words()}")
            time.sleep(0.05)

    def clear(self) -> None:
        """Stop an emulator that a killed predecessor left in this folder, with its databases."""
        self.child.clear()
        self._stop_databases()

    def stop(self) -> None:
        """Stop the emulator, letting it save its state and stop its databases."""
        self.child.stop(STOP_SECONDS)
        self._stop_databases()

    def abandon(self) -> None:
        """End the emulator without saving its state; objects and waiting events are on disk all the same."""
        self.child.stop(0)
        self._stop_databases()

    def answers(self) -> bool:
        """Tell whether the emulator is ready for requests."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
        finally:
            connection.close()

    def _stop_databases(self) -> None:
        """Stop the servers that a killed emulator left: those of its notes, account by account and region by region."""
        if self._databases is not None:
            for note in self._databases.glob("*/*/*/run/database.json"):
                stop_noted(note)

    def environ(self) -> dict[str, str]:
        """Return the whole environment of the emulator: nothing of the user's but what functions need."""
        folder = self._folder
        return {
            "PATH": self._user_environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "PYTHONUNBUFFERED": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": NO_PROXY,
            "no_proxy": NO_PROXY,
            **CREDENTIALS,
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            "LOG_LEVEL": "INFO",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(folder / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(folder / "objects"),
            "EVENTS_DIR": str(folder / "events"),
            "CODE_DIR": str(folder / "code"),
            **({"DATABASES_DIR": str(self._databases)} if self._databases else {}),
            "DOCKER_HOST": f"unix://{folder / 'no-docker'}",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            **{name: self._user_environ[name] for name in FOR_FUNCTIONS if self._user_environ.get(name)},
        }


def client_environ(endpoint_url: str) -> dict[str, str]:
    """Return the variables by which boto3 finds an emulator, and none of the user's accounts."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": NO_PROXY,
        "no_proxy": NO_PROXY,
        **CREDENTIALS,
    }
