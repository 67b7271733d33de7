"""The application as gunicorn runs it, and how it stops."""

from __future__ import annotations

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

from support.gunicorn_server import UPLOAD, Server, finish

DRAIN = {"DRAIN_SECONDS": "2"}
NOT_LET_IN = (ConnectionRefusedError, ConnectionResetError)
"""How a client fares who is not let in any more; it is reset in the very moment in which the port is closed."""


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
