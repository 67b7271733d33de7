"""The form: which files it takes, and that their names arrive."""

from typing import Any

import pytest

from catalog.keys import new_id, upload_key
from catalog.limits import MAX_BYTES
from support import photos
from support.clouds import Cloud
from support.gallery_client import GalleryClient


@pytest.mark.parametrize(
    "name",
    [
        "  two  blanks.jpg".strip(),
        "a+b%20c&d;e=f.jpg",
        "percent%2Bplus%.jpg",
        '"quoted\' name".jpg',
        "🏝️ 家族 Käse.jpg",
        "cafe\u0301 – е\u0308.jpg",  # letters and their accents apart
        "${filename}.jpg",
        "#?[]{}|^~`<>,!@$*().jpg",
    ],
)
def test_the_name_of_a_file_arrives_as_it_is(gallery: GalleryClient, cloud: Cloud, aws: Any, name: str) -> None:
    image_id = gallery.upload(photos.jpeg(64, 48), name)
    assert gallery.wait(image_id)["filename"] == name
    stored = aws.client("s3").head_object(Bucket=cloud.outputs["images"]["BucketName"], Key=upload_key(image_id))
    assert stored["Metadata"]["filename"].isascii()


@pytest.mark.parametrize(
    "name", ['"quoted\' name".jpg', "../../etc/passwd", "x" * 300 + ".jpg", "gpj.\u202ecat\u2066.jpg", "\u202e"]
)
def test_a_name_that_disturbs_is_made_presentable(gallery: GalleryClient, name: str) -> None:
    image = gallery.wait(gallery.upload(photos.jpeg(64, 48), name))
    assert image["thumbnail"]["status"] == "ready"
    assert 1 <= len(image["filename"]) <= 255
    assert not set(image["filename"]) & set("/\u202e\u2066")


@pytest.mark.parametrize(
    ("size", "width", "height"), [(5_000_000, 1280, 960), (MAX_BYTES, 4000, 3000)], ids=["5 MB", "50 MiB, the most"]
)
def test_a_large_photo_is_taken(gallery: GalleryClient, size: int, width: int, height: int) -> None:
    image = gallery.wait(gallery.upload(photos.noise(size, width, height), "noise.png", "image/png"))
    assert (image["thumbnail"]["status"], image["annotation"]["status"]) == ("ready", "ready"), image
    assert (image["bytes"], image["width"], image["height"]) == (size, width, height)


def test_s3_refuses_one_byte_too_many(gallery: GalleryClient) -> None:
    response = gallery.post(gallery.form("huge.jpg", "image/jpeg", 1), b"x" * (MAX_BYTES + 1))
    assert response.status_code == 400
    assert "EntityTooLarge" in response.text


def test_s3_refuses_an_empty_file(gallery: GalleryClient) -> None:
    assert gallery.post(gallery.form("empty.jpg", "image/jpeg", 1), b"").status_code == 400


def test_s3_refuses_another_key_and_another_type(gallery: GalleryClient) -> None:
    form = gallery.form("a.jpg", "image/jpeg", 10)
    assert gallery.post(form, b"x" * 10, key=upload_key(new_id())).status_code == 403
    assert gallery.post(form, b"x" * 10, **{"Content-Type": "text/html"}).status_code == 403


def test_an_abandoned_form_leaves_no_ghost(gallery: GalleryClient) -> None:
    form = gallery.form("never.jpg", "image/jpeg", 10)
    assert gallery.complete(form["id"]).status_code == 404
    assert gallery.image(form["id"]) is None
