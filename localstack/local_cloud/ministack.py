"""MiniStack, the emulator of `make up`: its state and its objects are kept in the data folder."""

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path

from local_cloud.emulator import Emulator
from servers import REPOSITORY
from servers.mariadb import MariaDb
from servers.processes import stop_noted

logger = logging.getLogger(__name__)

PYTHON = REPOSITORY / ".local" / "venv" / "emulator" / "bin" / "python"


class MiniStack(Emulator):
    """MiniStack with `ministack_extensions`."""

    folder = "emulator"
    command = (str(PYTHON), "-m", "ministack_extensions")
    health = "/_ministack/health"

    def __init__(self, data: Path, port: int, environ: Mapping[str, str], *, databases: bool = False) -> None:
        """Choose the port and the folder; with `databases`, each database instance of a stack is a MariaDB server."""
        super().__init__(data, port, environ)
        self._databases = self._folder / "databases" if databases else None

    def stop_databases(self) -> None:
        """Stop the servers of a killed emulator; each account and region has its notes."""
        if self._databases is not None:
            for note in self._databases.glob("*/*/*/run/database.json"):
                stop_noted(note)

    def prepare(self) -> None:
        """Fetch MariaDB if it needs it, and create its folders."""
        if self._databases:
            MariaDb.find_or_fetch(logger.info)  # or the emulator's start would time out during the download
        shutil.rmtree(self._folder / "tmp", ignore_errors=True)  # a killed emulator leaves the code of functions there
        self._make_folders("", "tmp", "home", "state", "objects", "events", "code")

    def environ(self) -> dict[str, str]:
        """Return all environment variables of the emulator; functions inherit them."""
        return {
            **super().environ(),
            **self.function_environ(),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            "LOG_LEVEL": "INFO",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._folder / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._folder / "objects"),
            "EVENTS_DIR": str(self._folder / "events"),
            "CODE_DIR": str(self._folder / "code"),
            **({"DATABASES_DIR": str(self._databases)} if self._databases else {}),
            "DOCKER_HOST": f"unix://{self._folder / 'no-docker'}",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }
