"""The gallery on a port of the loopback, served by gunicorn as in production."""

import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from local_cloud.emulator import client_environ
from servers import REPOSITORY
from servers.ports import check_free, http_problem
from servers.processes import Child

STOP_SECONDS = 10.0
PORT_SECONDS = 10.0
SERVICES = REPOSITORY / "services"


def gallery_settings(endpoint_url: str, outputs: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the environment variables of the gallery of an environment with these outputs, on an emulator."""
    database = outputs["database"]
    return {
        **client_environ(endpoint_url),
        **{f"DATABASE_{name.upper()}": database[name] for name in ("Host", "Port", "Name")},
        "BUCKET_NAME": outputs["images"]["BucketName"],
        "THUMBNAIL_FUNCTION": outputs["thumbnail"]["FunctionArn"],
        "ANNOTATE_FUNCTION": outputs["annotate"]["FunctionArn"],
        "DATABASE_SECRET_ARN": outputs["catalog"]["ApplicationSecretArn"],
    }


class Gallery:
    """gunicorn with the web service, as a child process."""

    def __init__(self, data: Path, port: int) -> None:
        """Choose the data folder and the port; `start` starts it."""
        self._data = data.absolute()
        self._port = port
        self.child = Child("gallery", self._data)
        self.url = f"http://127.0.0.1:{port}"

    def start(self, settings: Mapping[str, str]) -> None:
        """Start the gallery with the variables that it reads, and wait until it is ready.

        Raises:
            ServerError: it does not become ready; the message has its answer and the log tail.
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
        check_free(self._port, "PORT", PORT_SECONDS)  # the workers of a killed gunicorn need a second to stop
        self.child.start(command, environ, self._data, partial(http_problem, self._port, "/readyz"))

    def stop(self) -> None:
        """Stop the gallery after its current requests."""
        self.child.stop(STOP_SECONDS)
