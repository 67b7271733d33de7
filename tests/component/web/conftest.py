"""The web application on a real database, an S3 in this process and a server that notes what Lambda is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from flask import Flask
from flask.testing import FlaskClient

from catalog import images
from catalog.database import Database
from catalog.events import StoredObject, announced_objects
from catalog.filenames import filename_metadata
from catalog.images import Annotation, Image, Thumbnail
from catalog.keys import new_id, upload_key
from support.gunicorn_server import Server, run
from support.http_server import serving
from web.app import create_app

BUCKET = "photos-of-the-tests"
PICTURE = b"\xff\xd8\xff the web process never looks inside"
THUMBNAIL = Thumbnail(width=4000, height=3000, content_type="image/jpeg", placeholder="data:image/webp;base64,AA==")
ANNOTATION = Annotation(
    caption="A red kite over a beach.",
    alt_text="A red kite with a long tail",
    tags=("kite", "sandy beach"),
    language="en",
    model="gemini-3.5-flash-lite",
    prompt_version="1",
    input_tokens=1100,
    output_tokens=30,
)


@dataclass(frozen=True)
class Invocation:
    """One call of Lambda's Invoke."""

    function: str
    kind: str
    event: dict[str, Any]

    @property
    def photos(self) -> list[StoredObject]:
        """The objects that the event announces."""
        return announced_objects(self.event)


@pytest.fixture
def invocations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Invocation]]:
    """Answer Lambda's Invoke on loopback; moto would run the function in Docker.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    received: list[Invocation] = []

    class Lambda(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            function = unquote(self.path.split("/")[3])
            received.append(Invocation(function, self.headers["X-Amz-Invocation-Type"], json.loads(body)))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Lambda)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{server.server_port}")
        yield received


@pytest.fixture
def app(database: Database, invocations: list[Invocation], monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """Make the application as gunicorn does: from the environment."""
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    monkeypatch.setenv("BUCKET_NAME", BUCKET)
    monkeypatch.setenv("THUMBNAIL_FUNCTION", "the-thumbnail-function")
    monkeypatch.setenv("ANNOTATE_FUNCTION", "the-annotate-function")
    app = create_app()
    yield app
    app.extensions["backends"].database.close()
    app.extensions["backends"].searches.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return a client of the application."""
    return app.test_client()


@pytest.fixture
def store(app: Flask) -> Callable[..., str]:
    """Return a function that puts an upload into the bucket, as a browser does with a form, and returns its id."""

    def put(filename: str = "kite.jpg", content_type: str = "image/jpeg") -> str:
        image_id = new_id()
        boto3.client("s3").put_object(
            Bucket=BUCKET,
            Key=upload_key(image_id),
            Body=PICTURE,
            ContentType=content_type,
            Metadata=filename_metadata(filename),
        )
        return image_id

    return put


@dataclass(frozen=True)
class Catalogue:
    """Photos in the database, in the state that a test needs."""

    database: Database
    store: Callable[..., str]
    app: Flask

    def add(
        self,
        filename: str = "kite.jpg",
        *,
        thumbnail: Thumbnail | str | None = None,
        annotation: Annotation | str | None = None,
        content_type: str = "image/jpeg",
    ) -> str:
        """Add a photo that is in the bucket too; None is pending, a text the reason of a failure."""
        image_id = self.store(filename, content_type)
        upload = self.app.extensions["backends"].storage.find_upload(image_id)
        with self.database.connection() as connection:
            images.register(connection, upload)
            if isinstance(thumbnail, Thumbnail):
                images.thumbnail_ready(connection, image_id, upload.etag, thumbnail)
            elif thumbnail is not None:
                images.thumbnail_failed(connection, image_id, upload.etag, thumbnail)
            if isinstance(annotation, Annotation):
                images.annotation_ready(connection, image_id, upload.etag, annotation)
            elif annotation is not None:
                images.annotation_failed(connection, image_id, upload.etag, annotation)
        return image_id

    def get(self, image_id: str) -> Image | None:
        """Return a photo's row."""
        with self.database.connection() as connection:
            return images.get(connection, image_id)

    def age(self, image_id: str, seconds: int) -> None:
        """Pretend that a photo was uploaded some time ago."""
        with self.database.connection() as connection, connection.cursor() as cursor:
            statement = "UPDATE image SET uploaded_at = UTC_TIMESTAMP() - INTERVAL %s SECOND WHERE id = %s"
            cursor.execute(statement, (seconds, image_id))


@pytest.fixture
def catalogue(database: Database, store: Callable[..., str], app: Flask) -> Catalogue:
    """Return the photos in the database."""
    return Catalogue(database, store, app)


@pytest.fixture
def bucket() -> str:
    """Return the name of the bucket of photos."""
    return BUCKET


@pytest.fixture
def thumbnail() -> Thumbnail:
    """Return what the thumbnail function found out about a photo."""
    return THUMBNAIL


@pytest.fixture
def annotation() -> Annotation:
    """Return what the annotate function wrote about a photo."""
    return ANNOTATION


@pytest.fixture
def known_photo(catalogue: Catalogue) -> dict[str, Any]:
    """Add a photo that both functions have finished, and return what the API shows, less its times and addresses."""
    return {
        "id": catalogue.add("kite.jpg", thumbnail=THUMBNAIL, annotation=ANNOTATION),
        "filename": "kite.jpg",
        "content_type": "image/jpeg",
        "bytes": len(PICTURE),
        "width": 4000,
        "height": 3000,
        "thumbnail": {"status": "ready", "reason": None, "placeholder": THUMBNAIL.placeholder},
        "annotation": {
            "status": "ready",
            "reason": None,
            "caption": "A red kite over a beach.",
            "alt_text": "A red kite with a long tail",
            "tags": ["kite", "sandy beach"],
            "language": "en",
            "model": "gemini-3.5-flash-lite",
            "prompt_version": "1",
            "input_tokens": 1100,
            "output_tokens": 30,
            "edited": False,
        },
    }


@pytest.fixture
def serve(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Return a function that starts gunicorn with more variables; all end with the test."""
    with ExitStack() as running:
        yield lambda **environ: running.enter_context(
            run(tmp_path_factory.mktemp("server"), **environ, HOME=str(tmp_path))
        )
