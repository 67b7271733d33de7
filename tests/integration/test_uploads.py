"""The upload form: which files it accepts, and how their names arrive."""

from typing import Any

import pytest

from catalog.keys import new_id, upload_key
from catalog.limits import MAX_BYTES
from smoke.errors import GalleryError
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
        "cafe\u0301 – е\u0308.jpg",  # decomposed accents
        "${filename}.jpg",
        "#?[]{}|^~`<>,!@$*().jpg",
    ],
)
def test_a_file_name_arrives_unchanged(gallery: GalleryClient, cloud: Cloud, aws: Any, name: str) -> None:
    image_id = gallery.upload(photos.jpeg(64, 48), name)
    assert gallery.wait(image_id)["filename"] == name
    stored = aws.client("s3").head_object(Bucket=cloud.outputs["images"]["BucketName"], Key=upload_key(image_id))
    assert stored["Metadata"]["filename"].isascii()


@pytest.mark.parametrize(
    "name", ['"quoted\' name".jpg', "../../etc/passwd", "x" * 300 + ".jpg", "gpj.\u202ecat\u2066.jpg", "\u202e"]
)
def test_a_problematic_name_is_cleaned(gallery: GalleryClient, name: str) -> None:
    image = gallery.wait(gallery.upload(photos.jpeg(64, 48), name))
    assert image["thumbnail"]["status"] == "ready"
    assert 1 <= len(image["filename"]) <= 255
    assert not set(image["filename"]) & set("/\u202e\u2066")


@pytest.mark.parametrize(
    ("size", "width", "height"), [(5_000_000, 1280, 960), (MAX_BYTES, 4000, 3000)], ids=["5 MB", "50 MiB, the maximum"]
)
def test_a_large_photo_is_accepted(gallery: GalleryClient, size: int, width: int, height: int) -> None:
    image = gallery.wait(gallery.upload(photos.noise(size, width, height), "noise.png", "image/png"))
    assert (image["thumbnail"]["status"], image["annotation"]["status"]) == ("ready", "ready"), image
    assert (image["bytes"], image["width"], image["height"]) == (size, width, height)


def test_s3_rejects_one_byte_too_many(gallery: GalleryClient) -> None:
    response = gallery.post(gallery.ask_form("huge.jpg", "image/jpeg", 1), b"x" * (MAX_BYTES + 1))
    assert response.status == 400
    assert b"EntityTooLarge" in response.data


def test_s3_rejects_an_empty_file(gallery: GalleryClient) -> None:
    assert gallery.post(gallery.ask_form("empty.jpg", "image/jpeg", 1), b"").status == 400


def test_s3_rejects_another_key_and_another_type(gallery: GalleryClient) -> None:
    form = gallery.ask_form("a.jpg", "image/jpeg", 10)
    assert gallery.post(form, b"x" * 10, key=upload_key(new_id())).status == 403
    assert gallery.post(form, b"x" * 10, **{"Content-Type": "text/html"}).status == 403


def test_an_abandoned_form_leaves_no_image(gallery: GalleryClient) -> None:
    form = gallery.ask_form("never.jpg", "image/jpeg", 10)
    with pytest.raises(GalleryError, match="responded 404"):
        gallery.complete(form.id)
    assert gallery.find(form.id) is None
