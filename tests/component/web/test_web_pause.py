"""The pause of captions: the banner of pages and the JSON of lists."""

from __future__ import annotations

from typing import get_args

import pytest
from flask.testing import FlaskClient

from catalog import leases, pause, queue
from catalog.database import Database
from catalog.images import Annotation
from catalog.pause import Cause
from support.catalog_rows import THUMBNAIL, row
from support.gallery_photos import GalleryPhotos
from web.presentation import PAUSES

BANNER = '<div class="pause" data-next='


@pytest.fixture
def paused(database: Database) -> None:
    """Pause annotation."""
    with database.connection() as connection:
        pause.start(connection, "key", "HTTP 403 API_KEY_INVALID", 150)


def test_every_cause_has_a_sentence_for_visitors() -> None:
    assert PAUSES.keys() == set(get_args(Cause))
    assert all(text.startswith("Captions are paused: ") for text in PAUSES.values())
    assert len(set(PAUSES.values())) == len(PAUSES)


@pytest.mark.parametrize("path", ["/", "/?q=kite", "/images/{id}", "/stats", "/annotate"])
def test_pages_tell_that_captions_are_paused(client: FlaskClient, ready_photo: str, paused: None, path: str) -> None:
    page = client.get(path.format(id=ready_photo)).text
    assert BANNER in page
    assert '<p class="message" role="status">Captions are paused: the API key was refused.' in page
    assert "Next attempt: in 3 minutes." in page
    assert "API_KEY_INVALID" not in page, "the detail is for the operator"


@pytest.mark.parametrize("path", ["/", "/images/{id}", "/stats", "/annotate"])
def test_pages_have_no_banner_without_a_pause(client: FlaskClient, ready_photo: str, path: str) -> None:
    page = client.get(path.format(id=ready_photo)).text
    assert BANNER not in page
    assert '<p class="message" role="status"></p>' in page, "screen readers announce changes of present elements"


def test_a_gallery_without_a_model_has_no_banner(client: FlaskClient, photos: GalleryPhotos) -> None:
    photos.add(thumbnail=THUMBNAIL, annotation=Annotation("Blue.", "Blue", (), "en", "offline-tagger"))
    assert BANNER not in client.get("/").text


def test_a_list_has_the_pause(client: FlaskClient, database: Database) -> None:
    before = client.get("/api/images")
    assert before.json["paused"] is None
    with database.connection() as connection:
        pause.start(connection, "budget", "$5 a month")
    response = client.get("/api/images", headers={"If-None-Match": before.headers["ETag"]})
    assert response.status_code == 200, "an open page has to notice the pause"
    assert set(response.json["paused"]) == {"cause", "message", "since", "next_attempt"}
    assert response.json["paused"]["cause"] == "budget"
    assert response.json["paused"]["message"] == PAUSES["budget"]
    with database.connection() as connection:
        pause.end(connection)
    assert client.get("/api/images").json["paused"] is None


def test_a_photo_in_the_queue_is_not_stuck(client: FlaskClient, photos: GalleryPhotos, database: Database) -> None:
    image_id = photos.add(thumbnail=THUMBNAIL)
    photos.age(image_id, 3600)
    assert "data-stuck" in client.get(f"/images/{image_id}").text
    with database.connection() as connection:
        queue.postpone(connection, image_id, row(connection, image_id).etag)
    page = client.get(f"/images/{image_id}").text
    assert "data-stuck" not in page
    assert "Waiting in the queue" in page
    assert client.get(f"/api/images/{image_id}").json["annotation"]["queued"] is True


def test_a_pending_photo_tells_that_captions_are_paused(
    client: FlaskClient, photos: GalleryPhotos, paused: None
) -> None:
    photos.add(thumbnail=THUMBNAIL)
    assert "Waiting: captions are paused" in client.get("/").text


def test_a_pending_photo_shows_the_caption_that_a_person_wrote(client: FlaskClient, photos: GalleryPhotos) -> None:
    image_id = photos.add(thumbnail=THUMBNAIL)
    client.patch(f"/api/images/{image_id}", json={"caption": "Our kite"})
    assert client.get(f"/api/images/{image_id}").json["annotation"]["status"] == "pending"
    page = client.get("/").text
    assert ">Our kite</p>" in page
    assert "Generating the other texts…" in page


def test_a_retry_during_a_pause_goes_back_into_the_queue(
    client: FlaskClient, photos: GalleryPhotos, database: Database, paused: None
) -> None:
    image_id = photos.add(thumbnail=THUMBNAIL, annotation="Refused.")
    assert client.post(f"/api/images/{image_id}/retry").status_code == 202
    with database.connection() as connection:  # what the function does during a pause
        assert leases.acquire(connection, image_id, row(connection, image_id).etag, leases.end(connection, 9))
        assert queue.postpone(connection, image_id, row(connection, image_id).etag)
    assert "data-queued" in client.get("/").text
