"""The application as gunicorn runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "-b", "127.0.0.1:0", "web.app:create_app()"]
    process = subprocess.Popen(
        command,
        cwd=PACKAGE,
        env={**ENVIRONMENT, "HOME": str(tmp_path)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    assert process.stderr is not None
    url = next((match[0] for line in process.stderr if (match := re.search(r"http://127\.0\.0\.1:\d+", line))), "")
    try:
        yield url, process
    finally:
        process.terminate()
        process.communicate()
        watchdog.cancel()


def test_gunicorn_serves_the_application_and_logs_requests(server: tuple[str, subprocess.Popen[str]]) -> None:
    url, process = server
    response = requests.get(f"{url}/healthz", timeout=30)
    assert response.json() == {"status": "ok"}
    assert "gunicorn" not in response.headers["Server"].lower()
    assert process.stdout is not None
    assert '"GET /healthz HTTP/1.1" 200' in process.stdout.readline()


def test_gunicorn_leaves_nothing_in_a_home(server: tuple[str, subprocess.Popen[str]], tmp_path: Path) -> None:
    url, _ = server
    requests.get(f"{url}/healthz", timeout=30).raise_for_status()
    assert list(tmp_path.iterdir()) == []
