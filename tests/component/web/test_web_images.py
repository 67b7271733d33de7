"""The JSON API for images: list, get, retry and delete."""

from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError
from flask.testing import FlaskClient

from catalog.events import StoredObject
from catalog.keys import new_id, thumbnail_key, upload_key
from support.catalog_rows import THUMBNAIL
from support.gallery_photos import BUCKET, FILE, GalleryPhotos


def ids(response: Any) -> list[str]:
    return [image["id"] for image in response.json["images"]]


# ---- GET /api/images, GET /api/images/<id>


def test_an_empty_gallery_has_an_empty_page(client: FlaskClient) -> None:
    assert client.get("/api/images").json == {"images": [], "next": None, "paused": None, "search": None}


def test_photos_are_listed_newest_first_in_pages(client: FlaskClient, photos: GalleryPhotos) -> None:
    newest_first = [photos.add(f"{number}.jpg") for number in range(5)][::-1]
    first = client.get("/api/images?limit=2")
    second = client.get("/api/images", query_string={"limit": 2, "before": first.json["next"]})
    third = client.get("/api/images", query_string={"limit": 2, "before": second.json["next"]})
    assert ids(first) + ids(second) + ids(third) == newest_first
    assert third.json["next"] is None


def test_a_full_last_page_has_no_next_page(client: FlaskClient, photos: GalleryPhotos) -> None:
    for _ in range(2):
        photos.add()
    assert client.get("/api/images?limit=2").json["next"] is None


def test_a_photo_has_all_its_fields(client: FlaskClient, ready_photo: str) -> None:
    (image,) = client.get("/api/images").json["images"]
    assert client.get(f"/api/images/{ready_photo}").json == image
    assert image.pop("uploaded_at").endswith("Z")
    url = image["thumbnail"].pop("url")
    assert urlsplit(url).path == "/" + thumbnail_key(ready_photo)
    assert image == {
        "id": ready_photo,
        "filename": "kite.jpg",
        "content_type": "image/png",
        "bytes": len(FILE),
        "width": 4000,
        "height": 3000,
        "thumbnail": {"status": "ready", "reason": None, "placeholder": "data:image/webp;base64,AA=="},
        "annotation": {
            "status": "ready",
            "reason": None,
            "caption": "A red kite over a beach.",
            "alt_text": "A red kite with a long tail",
            "tags": ["kite", "sandy beach"],
            "language": "en",
            "model": "gemini",
            "prompt_version": "1",
            "input_tokens": 1100,
            "output_tokens": 30,
            "recognized": True,
            "edited": False,
            "caption_edited": False,
            "alt_text_edited": False,
            "tags_edited": False,
            "generated": None,
            "queued": False,
            "reannotation": None,
        },
    }


def test_a_failed_photo_has_reasons(client: FlaskClient, photos: GalleryPhotos) -> None:
    image_id = photos.add(thumbnail="Not a picture.", annotation="Nothing to describe.")
    image = client.get(f"/api/images/{image_id}").json
    assert (image["thumbnail"]["status"], image["thumbnail"]["reason"]) == ("failed", "Not a picture.")
    assert (image["annotation"]["status"], image["annotation"]["reason"]) == ("failed", "Nothing to describe.")
    assert image["thumbnail"]["url"] is None


@pytest.mark.parametrize("limit", ["0", "101", "1e9", "abc", "-1", "", "\u0663", "1_0"])
def test_an_invalid_limit_is_rejected(client: FlaskClient, limit: str) -> None:
    response = client.get("/api/images", query_string={"limit": limit})
    assert response.status_code == 400
    assert response.json["error"]["message"] == "limit must be a whole number from 1 to 100."


@pytest.mark.parametrize("before", ["", "1", "' OR 1=1 --", "0" * 36, "01A2055E-5238-7ED9-BA5E-EF4E074CCEA3"])
def test_an_invalid_cursor_is_rejected(client: FlaskClient, before: str) -> None:
    assert client.get("/api/images", query_string={"before": before}).status_code == 400


@pytest.mark.parametrize("path", ["/api/images", "/api/images/{id}"])
def test_only_a_changed_response_is_sent_again(client: FlaskClient, photos: GalleryPhotos, path: str) -> None:
    image_id = photos.add()
    cached = {"If-None-Match": client.get(path.format(id=image_id)).headers["ETag"]}
    unchanged = client.get(path.format(id=image_id), headers=cached)
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    client.patch(f"/api/images/{image_id}", json={"caption": "New"})
    assert client.get(path.format(id=image_id), headers=cached).status_code == 200


@pytest.mark.parametrize("image_id", ["1", "..", "0" * 36, "%00", "01a2055e-5238-4ed9-ba5e-ef4e074ccea3"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_an_invalid_id_returns_404(client: FlaskClient, method: str, image_id: str) -> None:
    assert client.open(f"/api/images/{image_id}", method=method, json={}).status_code == 404


# ---- POST /api/images/<id>/retry


def test_a_retry_invokes_the_functions_that_have_not_succeeded(
    client: FlaskClient, photos: GalleryPhotos, invocations: list[Any]
) -> None:
    image_id = photos.add(thumbnail="Out of memory.", annotation="Refused.")
    response = client.post(f"/api/images/{image_id}/retry")
    assert response.status_code == 202
    assert response.json["thumbnail"]["status"] == response.json["annotation"]["status"] == "pending"
    objects = [StoredObject(BUCKET, upload_key(image_id))]
    assert invocations == [(name, "Event", objects) for name in ("the-thumbnail-function", "the-annotate-function")]


def test_a_retry_does_not_repeat_what_is_ready(
    client: FlaskClient, photos: GalleryPhotos, invocations: list[Any]
) -> None:
    image_id = photos.add(thumbnail=THUMBNAIL, annotation="Refused.")
    assert client.post(f"/api/images/{image_id}/retry").json["thumbnail"]["status"] == "ready"
    assert [call.function for call in invocations] == ["the-annotate-function"]


def test_a_retry_of_an_unknown_photo_returns_404(client: FlaskClient, invocations: list[Any]) -> None:
    assert client.post(f"/api/images/{new_id()}/retry").status_code == 404
    assert invocations == []


# ---- DELETE /api/images/<id>


def test_deletion_removes_the_photo_and_its_files_and_is_idempotent(client: FlaskClient, photos: GalleryPhotos) -> None:
    image_id = photos.add()
    s3 = boto3.client("s3")
    s3.put_object(Bucket=BUCKET, Key=thumbnail_key(image_id), Body=b"x")
    assert [client.delete(f"/api/images/{image_id}").status_code for _ in range(2)] == [204, 204]
    assert client.get(f"/api/images/{image_id}").status_code == 404
    assert ids(client.get("/api/images")) == []
    for key in (upload_key(image_id), thumbnail_key(image_id)):
        with pytest.raises(ClientError, match="404"):
            s3.head_object(Bucket=BUCKET, Key=key)
