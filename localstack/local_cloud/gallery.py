"""The gallery, as gunicorn serves it in the cloud, on a port of the loopback."""

from __future__ import annotations

import http.client
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from local_cloud import REPOSITORY, LocalCloudError
from local_cloud.ports import check_free
from local_cloud.processes import Child

START_SECONDS = 60.0
STOP_SECONDS = 10.0
PORT_SECONDS = 10.0
SERVICES = REPOSITORY / "services"


class Gallery:
    """gunicorn with the web service, as a child process."""

    def __init__(self, data: Path, port: int) -> None:
        """Choose the port."""
        self._data = data.absolute()
        self._port = port
        self.child = Child("gallery", self._data)
        self.url = f"http://127.0.0.1:{port}"

    def start(self, settings: Mapping[str, str]) -> None:
        """Start the gallery with the variables it reads, and wait until it is ready.

        Raises:
            LocalCloudError: it does not become ready; the message has the end of its log.
        """
        command = [
            *(sys.executable, "-m", "gunicorn"),
            *("--config", str(SERVICES / "web" / "web" / "gunicorn.conf.py")),
            *("--bind", f"127.0.0.1:{self._port}"),
            "web.app:create_app()",
        ]
        environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        self.child.clear()
        check_free(self._port, "PORT", PORT_SECONDS)  # the workers of a killed gunicorn need a second to notice
        self.child.start(command, environ, self._data)
        deadline = time.monotonic() + START_SECONDS
        answer = "no answer"
        while answer:
            if self.child.exit_code() is not None or time.monotonic() > deadline:
                self.child.stop(STOP_SECONDS)
                raise LocalCloudError(f"The gallery is not ready ({answer}):\n{self.child.last_words()}")
            time.sleep(0.05)
            answer = self._objection()

    def stop(self) -> None:
        """Stop the gallery, letting it answer what it has begun to."""
        self.child.stop(STOP_SECONDS)

    def _objection(self) -> str:
        """Return why the gallery is not ready, or nothing when it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return "" if answer.status == http.client.OK else answer.read(500).decode(errors="replace").strip()
        except OSError as error:
            return str(error)
        finally:
            connection.close()
