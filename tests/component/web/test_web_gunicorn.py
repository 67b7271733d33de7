"""The application in gunicorn, and its graceful stop."""

import http.client
import json
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import requests

from support.gunicorn_server import UPLOAD, Server, finish_request

DRAIN = {"DRAIN_SECONDS": "2"}
NOT_ACCEPTED = (ConnectionRefusedError, ConnectionResetError)
"""Errors of clients once the port is closed; a reset happens only at that moment."""


def test_gunicorn_serves_the_application_and_logs_requests(serve: Callable[..., Server]) -> None:
    server = serve()
    response = requests.get(f"{server.url}/healthz", timeout=30)
    assert response.json()["status"] == "ok"
    assert "gunicorn" not in response.headers["Server"].lower()
    server.process.terminate()
    server.process.wait()
    assert server.log.read_text().count('"GET /healthz HTTP/1.1" 200') == 2


def test_gunicorn_writes_nothing_to_the_home_directory(serve: Callable[..., Server], tmp_path: Path) -> None:
    serve()
    assert list(tmp_path.iterdir()) == []


# ---- SIGTERM


def test_a_stopping_gallery_is_not_ready_but_serves_requests(serve: Callable[..., Server]) -> None:
    server = serve(**DRAIN)
    server.begin_stop()
    answers = [
        requests.get(f"{server.url}/healthz", timeout=30),
        requests.post(f"{server.url}/uploads", timeout=30),
        requests.post(f"{server.url}/api/uploads", json=json.loads(UPLOAD), timeout=30),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 201]
    assert server.process.wait() == 0


@pytest.mark.parametrize("environ", [{}, DRAIN], ids=["without a drain", "with a drain"])
def test_a_request_in_progress_is_completed(serve: Callable[..., Server], environ: dict[str, str]) -> None:
    server = serve(**environ)
    slow = server.start_request()
    if environ:
        server.begin_stop()
    else:
        server.process.terminate()
        _wait_until_refused(server)
    assert finish_request(slow) == 201
    assert server.process.wait() == 0


def test_the_next_response_closes_an_idle_connection(serve: Callable[..., Server]) -> None:
    server = serve(**DRAIN)
    with closing(server.connect()) as idle:
        idle.request("GET", "/healthz")
        first = idle.getresponse()
        first.read()
        assert first.headers["Connection"] == "keep-alive"
        server.begin_stop()
        idle.request("GET", "/healthz")
        assert idle.getresponse().headers["Connection"] == "close"
    assert server.process.wait() == 0


@pytest.mark.parametrize("environ", [{}, DRAIN], ids=["without a drain", "with a drain"])
def test_every_accepted_connection_gets_a_response(serve: Callable[..., Server], environ: dict[str, str]) -> None:
    server = serve(**environ)
    served: list[int] = []
    failures: list[Exception] = []

    def visit() -> None:
        while True:
            with closing(server.connect()) as connection:
                try:
                    connection.connect()
                except NOT_ACCEPTED:
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


def test_a_second_sigterm_is_ignored(serve: Callable[..., Server]) -> None:
    server = serve(**DRAIN)
    slow = server.start_request()
    for _ in range(2):
        server.begin_stop()
        (worker,) = psutil.Process(server.process.pid).children()
        worker.terminate()
    assert finish_request(slow) == 201
    assert server.process.wait() == 0


# ---- Other signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_sigint_and_sigquit_stop_immediately(serve: Callable[..., Server], number: int) -> None:
    server = serve(DRAIN_SECONDS="3600")
    server.begin_stop()
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
            except NOT_ACCEPTED:
                return
        time.sleep(0.01)
