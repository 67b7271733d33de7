"""The application in gunicorn, in a separate process."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

import web

PACKAGE = Path(web.__file__).parent
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "DATABASE_HOST": "/no/such/socket",
    "DATABASE_NAME": "gallery",
    "DATABASE_SECRET_ARN": "arn",
    "BUCKET_NAME": "photos",
    "THUMBNAIL_FUNCTION": "thumbnail",
    "ANNOTATE_FUNCTION": "annotate",
}
UPLOAD = json.dumps({"filename": "kite.jpg", "content_type": "image/jpeg", "bytes": 1234}).encode()


@dataclass(frozen=True)
class Server:
    """A running gunicorn."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    """The file with its standard output."""

    def connect(self) -> http.client.HTTPConnection:
        """Return a persistent connection."""
        return http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)

    def start_request(self) -> http.client.HTTPConnection:
        """Send the first part of a request; `finish_request` sends the rest."""
        connection = self.connect()
        connection.putrequest("POST", "/api/uploads")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(UPLOAD)))
        connection.endheaders(UPLOAD[:10])
        return connection

    def begin_stop(self) -> None:
        """Send SIGTERM, and wait until /readyz fails for that reason."""
        self.process.terminate()
        while "This process is stopping." not in requests.get(f"{self.url}/readyz", timeout=30).text:
            time.sleep(0.01)


def finish_request(connection: http.client.HTTPConnection) -> int:
    """Send the rest of a request from `start_request`, and return the status of the response."""
    with closing(connection):
        connection.send(UPLOAD[10:])
        return connection.getresponse().status


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill gunicorn and its workers, because a worker that waits for a request would survive."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def run(folder: Path, **environ: str) -> Iterator[Server]:
    """Run gunicorn with additional environment variables; its output goes into the folder."""
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "-b", "127.0.0.1:0", "web.app:create_app()"]
    output, errors = folder / "stdout", folder / "stderr"
    with ExitStack() as running:
        process = subprocess.Popen(
            command,
            cwd=PACKAGE,
            env={**ENVIRONMENT, **environ},
            stdout=running.enter_context(output.open("w")),
            stderr=running.enter_context(errors.open("w")),
            start_new_session=True,
        )
        watchdog = threading.Timer(300, _kill, [process])
        watchdog.start()
        running.callback(watchdog.cancel)
        running.callback(process.wait)
        running.callback(_kill, process)
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", errors.read_text())):
            assert process.poll() is None, errors.read_text()
            time.sleep(0.01)
        server = Server(found[0], process, output)
        requests.get(f"{server.url}/healthz", timeout=30).raise_for_status()
        yield server
