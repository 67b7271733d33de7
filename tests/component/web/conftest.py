"""The web application with a database server, an S3 in this process and a fake Lambda API."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import boto3
import pytest
from flask import Flask
from flask.testing import FlaskClient

from catalog.database import Database
from catalog.events import StoredObject, announced_objects
from servers.ports import free_ports
from support.gallery_photos import BUCKET, GalleryPhotos
from support.gunicorn_server import Server, run
from support.http_server import Request, serving
from web.app import create_app


class Invoked(NamedTuple):
    """A request to invoke a function."""

    function: str
    invocation_type: str
    objects: list[StoredObject]


@pytest.fixture
def invocations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Invoked]]:
    """Record invocations of functions; moto would run the functions in Docker.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    received: list[Invoked] = []

    def invoke(request: Request) -> tuple[int, bytes]:
        function = unquote(request.path.split("/")[3])
        objects = announced_objects(json.loads(request.body))
        received.append(Invoked(function, request.headers["X-Amz-Invocation-Type"], objects))
        return 202, b""

    with serving(invoke) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        yield received


@pytest.fixture
def new_app() -> Iterator[Callable[[], Flask]]:
    """Return a function that creates an application from environment variables, as gunicorn does."""
    with ExitStack() as running:

        def create() -> Flask:
            app = create_app()
            for database in (app.extensions["backends"].database, app.extensions["backends"].bulk):
                running.callback(database.close)
            return app

        yield create


@pytest.fixture
def app(
    database: Database, invocations: list[Invoked], new_app: Callable[[], Flask], monkeypatch: pytest.MonkeyPatch
) -> Flask:
    """Create an application with a database, an empty bucket and functions."""
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    monkeypatch.setenv("BUCKET_NAME", BUCKET)
    monkeypatch.setenv("THUMBNAIL_FUNCTION", "the-thumbnail-function")
    monkeypatch.setenv("ANNOTATE_FUNCTION", "the-annotate-function")
    return new_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def without_database(app: Flask, new_app: Callable[[], Flask], monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """Return a client of an application whose database refuses connections."""
    (port,) = free_ports(1)
    monkeypatch.setenv("DATABASE_HOST", "127.0.0.1")
    monkeypatch.setenv("DATABASE_PORT", str(port))
    return new_app().test_client()


@pytest.fixture
def photos(database: Database, app: Flask) -> GalleryPhotos:
    return GalleryPhotos(database, app)


@pytest.fixture
def ready_photo(photos: GalleryPhotos) -> str:
    """Add a photo that both functions have processed, and return its ID."""
    return photos.add_ready()


@pytest.fixture
def serve(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Return a function that starts gunicorn with additional environment variables until the test ends."""
    with ExitStack() as running:
        yield lambda **environ: running.enter_context(
            run(tmp_path_factory.mktemp("server"), **environ, HOME=str(tmp_path))
        )
