"""Upload -> S3 -> SNS -> both functions -> catalog, with the real emulator, database and functions."""

import io
import json
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image

from catalog.events import StoredObject, announcement
from catalog.keys import new_id, thumbnail_key, upload_key
from support import photos
from support.clouds import Cloud
from support.dead_letters import dead_letters, wait_for_dead_letters
from support.function_logs import wait_for_messages
from support.gallery_client import GalleryClient
from support.marked_thumbnails import is_marked, mark_thumbnail


def publish(aws: Any, cloud: Cloud, key: str, times: int = 1) -> None:
    """Announce an object on the topic, as S3 does."""
    (record,) = announcement(StoredObject(cloud.outputs["images"]["BucketName"], key))["Records"]
    for _ in range(times):
        aws.client("sns").publish(TopicArn=cloud.outputs["images"]["TopicArn"], Message=record["Sns"]["Message"])


def thumbnail(aws: Any, cloud: Cloud, image_id: str) -> Image.Image:
    """Return the stored thumbnail, which must be a WebP file."""
    stored = aws.client("s3").get_object(Bucket=cloud.outputs["images"]["BucketName"], Key=thumbnail_key(image_id))
    assert stored["ContentType"] == "image/webp"
    return Image.open(io.BytesIO(stored["Body"].read()), formats=["WEBP"])


@pytest.mark.parametrize(
    ("kind", "content_type", "height"),
    [
        ("JPEG", "image/jpeg", 480),
        ("PNG", "image/png", 440),
        ("WEBP", "image/webp", 400),
        ("GIF", "image/gif", 360),
        ("AVIF", "image/avif", 320),
        ("HEIF", "image/heic", 280),
    ],
)
def test_every_file_type_gets_a_thumbnail_a_caption_and_a_line_in_both_logs(
    gallery: GalleryClient, cloud: Cloud, aws: Any, kind: str, content_type: str, height: int
) -> None:
    data = photos.encoded(photos.scene(640, height), kind)
    image_id = gallery.upload(data, f"scene.{kind.lower()}", content_type)
    image = gallery.wait(image_id)
    assert (image["thumbnail"]["status"], image["annotation"]["status"]) == ("ready", "ready"), image
    assert (image["content_type"], image["bytes"], image["width"], image["height"]) == (
        content_type,
        len(data),
        640,
        height,
    )
    assert image["annotation"]["caption"]
    assert image["annotation"]["tags"]
    assert thumbnail(aws, cloud, image_id).size == (512, height * 512 // 640)
    assert "stored a thumbnail" in wait_for_messages(aws, cloud, "thumbnail", image_id)
    assert "described a photo" in wait_for_messages(aws, cloud, "annotate", image_id)


def test_without_a_key_the_offline_tagger_describes_a_photo(gallery: GalleryClient) -> None:
    annotation = gallery.wait(gallery.upload(photos.jpeg()))["annotation"]
    assert annotation["status"] == "ready"
    assert annotation["model"] == "offline-tagger"
    assert annotation["caption"]
    assert annotation["alt_text"]


def test_a_closed_tab_loses_nothing(gallery: GalleryClient) -> None:
    image_id = gallery.upload(photos.jpeg(), "Ferien: Käse & Co (1).jpg")
    assert gallery.wait(image_id)["filename"] == "Ferien: Käse & Co (1).jpg"


def test_the_completion_call_makes_a_photo_visible_at_once(gallery: GalleryClient) -> None:
    image_id = gallery.upload(photos.jpeg())
    assert gallery.complete(image_id)["id"] == image_id
    gallery.wait(image_id)


def test_a_rotated_photo_becomes_upright(gallery: GalleryClient) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = gallery.wait(gallery.upload(photos.jpeg(600, 400, exif=exif)))
    assert (image["width"], image["height"]) == (400, 600)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"<script>alert(1)</script>" * 10, "not a photo in a supported format", id="not an image"),
        pytest.param(photos.jpeg()[:2000], "incomplete", id="truncated"),
        pytest.param(photos.decompression_bomb(), "megapixel", id="decompression bomb"),
    ],
)
def test_a_hostile_file_ends_as_a_failure_with_a_reason(gallery: GalleryClient, data: bytes, words: str) -> None:
    image = gallery.wait(gallery.upload(data, "evil.jpg"))
    for part in (image["thumbnail"], image["annotation"]):
        assert part["status"] == "failed"
        assert words in part["reason"]


def test_a_misnamed_file_is_recognised_by_its_content(gallery: GalleryClient) -> None:
    image = gallery.wait(gallery.upload(photos.encoded(photos.scene(), "PNG"), "renamed.jpg", "image/jpeg"))
    assert (image["thumbnail"]["status"], image["content_type"]) == ("ready", "image/png")


def test_repeated_events_change_nothing(gallery: GalleryClient, cloud: Cloud, aws: Any) -> None:
    image_id = gallery.upload(photos.jpeg())
    before = gallery.wait(image_id)
    mark_thumbnail(aws, cloud, image_id)
    publish(aws, cloud, upload_key(image_id), times=5)
    gallery.wait(gallery.upload(photos.jpeg(seed=1)))  # by now the earlier events have been handled
    after = gallery.image(image_id)
    assert after["annotation"] == before["annotation"]
    assert is_marked(aws, cloud, image_id)


@pytest.mark.parametrize("key", ["uploads/{id}", "uploads/no-id.jpg", "uploads/{id}/below", "elsewhere/{id}"])
def test_an_event_without_an_object_has_no_effect(gallery: GalleryClient, cloud: Cloud, aws: Any, key: str) -> None:
    image_id = new_id()
    publish(aws, cloud, key.format(id=image_id))
    gallery.wait(gallery.upload(photos.jpeg()))
    assert gallery.find(image_id) is None
    assert dead_letters(aws, cloud) == []


def test_an_invalid_event_is_retried_and_becomes_a_dead_letter(cloud: Cloud, aws: Any) -> None:
    marker = str(uuid4())
    aws.client("sns").publish(TopicArn=cloud.outputs["images"]["TopicArn"], Message=json.dumps({"odd": marker}))
    letters = wait_for_dead_letters(aws, cloud, marker, count=2)  # one from each function
    assert {letter["requestContext"]["condition"] for letter in letters} == {"RetriesExhausted"}


def test_a_deleted_photo_and_its_objects_do_not_come_back(gallery: GalleryClient, cloud: Cloud, aws: Any) -> None:
    image_id = gallery.upload(photos.jpeg())
    gallery.wait(image_id)
    gallery.delete(image_id)
    publish(aws, cloud, upload_key(image_id))
    gallery.wait(gallery.upload(photos.jpeg()))
    assert gallery.find(image_id) is None
    for key in (upload_key(image_id), thumbnail_key(image_id)):
        assert "Contents" not in aws.client("s3").list_objects_v2(
            Bucket=cloud.outputs["images"]["BucketName"], Prefix=key
        )
