"""S3 -> SNS: which objects are announced, and how."""

from typing import Any
from urllib.parse import unquote_plus

import pytest

from catalog.keys import THUMBNAILS, UPLOADS, new_id, thumbnail_key, upload_key
from support import photos
from support.announcements import Announcements, records
from support.clouds import Cloud
from support.dead_letters import dead_letters
from support.function_logs import log_lines
from support.gallery_client import GalleryClient
from support.waiting import wait_until

ODD_NAMES = [
    "two  blanks and one",
    "plus+plus",
    "percent%",
    "encoded%2Bplus%20",
    "🏝️ 家族",
    'quoted\' "name"',
    "below/a/folder",
    "not-a-uuid",
    "0190f7c2-1111-4222-8333-444455556666",  # a UUID, but not of version 7
]


def put(aws: Any, cloud: Cloud, key: str, body: bytes = b"not an upload") -> None:
    aws.client("s3").put_object(Bucket=cloud.outputs["images"]["BucketName"], Key=key, Body=body)


def ignored(aws: Any, cloud: Cloud) -> dict[str, int]:
    """Return how often each function has warned that it ignored an object."""
    return {
        function: sum(
            line["level"] == "WARNING" and line["message"].startswith("ignored an object")
            for line in log_lines(aws, cloud, function)
        )
        for function in ("thumbnail", "annotate")
    }


def test_topic_forwards_the_s3_event(
    gallery: GalleryClient, cloud: Cloud, aws: Any, announcements: Announcements
) -> None:
    data = photos.jpeg()
    key = upload_key(gallery.upload(data))
    envelope = announcements.until(key)
    assert envelope["Type"] == "Notification"
    assert envelope["TopicArn"] == cloud.outputs["images"]["TopicArn"]
    (record,) = records(envelope)
    assert record["eventSource"] == "aws:s3"
    assert record["eventName"] == "ObjectCreated:Post"
    assert record["s3"]["bucket"]["name"] == cloud.outputs["images"]["BucketName"]
    stored = aws.client("s3").head_object(Bucket=record["s3"]["bucket"]["name"], Key=key)
    assert record["s3"]["object"]["size"] == len(data)
    assert record["s3"]["object"]["eTag"] == stored["ETag"].strip('"')


def test_only_uploads_are_announced(
    gallery: GalleryClient, cloud: Cloud, aws: Any, announcements: Announcements
) -> None:
    elsewhere = ["at-the-root.jpg", thumbnail_key(new_id()), f"{THUMBNAILS}uploads/x.jpg", "upload", "Uploads/x.jpg"]
    for key in elsewhere:
        put(aws, cloud, key)
    first = gallery.upload(photos.jpeg())
    gallery.wait(first)  # its thumbnail is stored now
    last = gallery.upload(photos.jpeg(seed=1))
    announcements.until(upload_key(last))
    assert sorted(announcements.keys()) == sorted([upload_key(first), upload_key(last)])
    gallery.wait(last)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_key_is_announced_unchanged(cloud: Cloud, aws: Any, announcements: Announcements, name: str) -> None:
    put(aws, cloud, UPLOADS + name)
    (record,) = records(announcements.until(UPLOADS + name))
    raw = record["s3"]["object"]["key"]
    assert raw.isascii()
    assert not set(raw) & set(" \"'")
    assert unquote_plus(raw) == UPLOADS + name


def test_foreign_objects_are_ignored_with_a_warning(gallery: GalleryClient, cloud: Cloud, aws: Any) -> None:
    dead_letters(aws, cloud)
    before = ignored(aws, cloud)
    for name in ODD_NAMES:
        put(aws, cloud, f"{UPLOADS}once more {name}")
    expected = {function: count + len(ODD_NAMES) for function, count in before.items()}
    wait_until(
        lambda: all(count >= expected[function] for function, count in ignored(aws, cloud).items()),
        lambda: f"{ignored(aws, cloud)}, expected {expected}",
    )
    assert dead_letters(aws, cloud) == []
    image = gallery.wait(gallery.upload(photos.jpeg()))
    assert (image["thumbnail"]["status"], image["annotation"]["status"]) == ("ready", "ready")
