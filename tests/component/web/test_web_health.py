"""What the gallery tells of itself; readiness is in test_web_errors.py."""

import json
from pathlib import Path

from flask.testing import FlaskClient

from web.health import read_version


def test_it_tells_that_it_runs_from_the_working_tree(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok", "version": "working tree"}


def test_an_unpacked_package_has_the_version_of_its_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"service": "web", "version": "1.2.3"}))
    assert read_version(tmp_path) == "1.2.3"
