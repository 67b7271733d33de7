"""The application as gunicorn runs it, and how it stops."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

import web

PACKAGE = Path(web.__file__).parent
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "DATABASE_HOST": "/nobody/listens/here",
    "DATABASE_NAME": "gallery",
    "DATABASE_SECRET_ARN": "arn",
    "BUCKET_NAME": "photos",
    "THUMBNAIL_FUNCTION": "thumbnail",
    "ANNOTATE_FUNCTION": "annotate",
    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
}
DRAIN = {"DRAIN_SECONDS": "2"}
NOT_LET_IN = (ConnectionRefusedError, ConnectionResetError)
"""How a client fares who is not let in any more; it is reset in the very moment in which the port is closed."""
UPLOAD = json.dumps({"filename": "kite.jpg", "content_type": "image/jpeg", "bytes": 1234}).encode()


@dataclass(frozen=True)
class Server:
    """A running gunicorn."""

    url: str
    process: subprocess.Popen[str]
    log: Path
    """What it wrote to stdout; a pipe would fill up and hold it."""

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection that is kept open from one request to the next."""
        return http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)

    def half_a_request(self) -> http.client.HTTPConnection:
        """Begin a request that a thread waits for the end of; `finish` ends it."""
        connection = self.connect()
        connection.putrequest("POST", "/api/uploads")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(UPLOAD)))
        connection.endheaders(UPLOAD[:10])
        return connection

    def until_it_says(self, reason: str) -> None:
        """Wait until /readyz is red for a reason."""
        while reason not in requests.get(f"{self.url}/readyz", timeout=30).text:
            time.sleep(0.01)


def finish(connection: http.client.HTTPConnection) -> int:
    """Send the rest of `half_a_request` and return the status of the answer."""
    with closing(connection):
        connection.send(UPLOAD[10:])
        return connection.getresponse().status


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill gunicorn with its workers: one that waits for the rest of a request outlives it, and holds its pipe."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def serve(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Return a function that starts gunicorn with more variables; all end with the test."""
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "-b", "127.0.0.1:0", "web.app:create_app()"]
    with ExitStack() as running:

        def start(**environ: str) -> Server:
            log = tmp_path_factory.mktemp("server") / "stdout"
            process = subprocess.Popen(
                command,
                cwd=PACKAGE,
                env={**ENVIRONMENT, **environ, "HOME": str(tmp_path)},
                text=True,
                stdout=running.enter_context(log.open("w")),
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            watchdog = threading.Timer(60, _kill, [process])
            watchdog.start()
            running.callback(watchdog.cancel)
            running.callback(process.communicate)
            running.callback(_kill, process)
            assert process.stderr is not None
            found = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in process.stderr)
            server = Server(next((match[0] for match in found if match), ""), process, log)
            requests.get(f"{server.url}/healthz", timeout=30).raise_for_status()
            return server

        yield start


def test_gunicorn_serves_the_application_and_logs_requests(serve: Callable[..., Server]) -> None:
    server = serve()
    response = requests.get(f"{server.url}/healthz", timeout=30)
    assert response.json()["status"] == "ok"
    assert "gunicorn" not in response.headers["Server"].lower()
    server.process.terminate()
    server.process.wait()
    assert server.log.read_text().count('"GET /healthz HTTP/1.1" 200') == 2


def test_gunicorn_leaves_nothing_in_a_home(serve: Callable[..., Server], tmp_path: Path) -> None:
    serve()
    assert list(tmp_path.iterdir()) == []


# ---- SIGTERM


def test_a_stopping_gallery_says_so_and_serves_everything_as_before(serve: Callable[..., Server]) -> None:
    server = serve(**DRAIN)
    server.process.terminate()
    server.until_it_says("This process is stopping.")
    answers = [
        requests.get(f"{server.url}/healthz", timeout=30),
        requests.post(f"{server.url}/uploads", timeout=30),
        requests.post(f"{server.url}/api/uploads", json=json.loads(UPLOAD), timeout=30),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 201]
    assert server.process.wait() == 0


@pytest.mark.parametrize("environ", [{}, DRAIN], ids=["without a drain", "with a drain"])
def test_a_request_that_has_begun_is_answered(serve: Callable[..., Server], environ: dict[str, str]) -> None:
    server = serve(**environ)
    slow = server.half_a_request()
    if environ:
        server.process.terminate()
        server.until_it_says("This process is stopping.")
    else:
        server.process.terminate()
        _wait_until_refused(server)
    assert finish(slow) == 201
    assert server.process.wait() == 0


def test_an_open_connection_is_ended_by_its_next_answer(serve: Callable[..., Server]) -> None:
    server = serve(**DRAIN)
    with closing(server.connect()) as idle:
        idle.request("GET", "/healthz")
        first = idle.getresponse()
        first.read()
        assert first.headers["Connection"] == "keep-alive"
        server.process.terminate()
        server.until_it_says("This process is stopping.")
        idle.request("GET", "/healthz")
        assert idle.getresponse().headers["Connection"] == "close"
    assert server.process.wait() == 0


@pytest.mark.parametrize("environ", [{}, DRAIN], ids=["without a drain", "with a drain"])
def test_nobody_who_was_let_in_goes_without_an_answer(serve: Callable[..., Server], environ: dict[str, str]) -> None:
    server = serve(**environ)
    served: list[int] = []
    failures: list[Exception] = []

    def visit() -> None:
        while True:
            with closing(server.connect()) as connection:
                try:
                    connection.connect()
                except NOT_LET_IN:
                    return
                try:
                    kept = True
                    while kept:
                        connection.request("GET", "/healthz")
                        answer = connection.getresponse()
                        kept = not answer.will_close
                        answer.read()
                        served.append(answer.status)
                except (OSError, http.client.HTTPException) as error:
                    failures.append(error)

    visitors = [threading.Thread(target=visit) for _ in range(8)]
    for visitor in visitors:
        visitor.start()
    while len(served) < 200:
        time.sleep(0.01)
    server.process.terminate()
    for visitor in visitors:
        visitor.join()
    assert failures == []
    assert set(served) == {200}
    assert server.process.wait() == 0


def test_a_second_sigterm_breaks_nothing_off(serve: Callable[..., Server]) -> None:
    server = serve(**DRAIN)
    slow = server.half_a_request()
    for _ in range(2):
        server.process.terminate()
        (worker,) = psutil.Process(server.process.pid).children()
        worker.terminate()
        server.until_it_says("This process is stopping.")
    assert finish(slow) == 201
    assert server.process.wait() == 0


# ---- What stops it at once


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_an_impatient_signal_does_not_wait_for_the_drain(serve: Callable[..., Server], number: int) -> None:
    server = serve(DRAIN_SECONDS="3600")
    server.process.terminate()
    server.until_it_says("This process is stopping.")
    server.process.send_signal(number)
    assert server.process.wait() == 0


def test_a_killed_process_is_replaced(serve: Callable[..., Server]) -> None:
    server = serve(**DRAIN)
    (worker,) = psutil.Process(server.process.pid).children()
    worker.kill()
    worker.wait()
    assert requests.get(f"{server.url}/healthz", timeout=30).status_code == 200
    server.process.terminate()
    assert server.process.wait() == 0


def _wait_until_refused(server: Server) -> None:
    while True:
        with closing(server.connect()) as connection:
            try:
                connection.connect()
            except NOT_LET_IN:
                return
        time.sleep(0.01)
