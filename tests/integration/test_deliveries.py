"""Events that arrive twice, late, out of order, at a new version, or for a deleted photo."""

import io
import json
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from catalog.keys import thumbnail_key, upload_key
from support import photos
from support.announcements import Announcements, as_lambda_event, muted
from support.clouds import Cloud
from support.dead_letters import dead_letters
from support.function_logs import wait_for_messages
from support.gallery_client import GalleryClient
from support.gemini_server import GeminiServer, description
from support.marked_thumbnails import is_marked, mark_thumbnail
from support.packages import package_place, read_package
from support.releases import release, release_code
from support.waiting import wait_until


def deliver(aws: Any, cloud: Cloud, function: str, envelope: dict[str, Any]) -> None:
    """Deliver a message of the topic to one function, as the topic does."""
    payload = json.dumps(as_lambda_event(envelope))
    alias = cloud.outputs[function]["FunctionArn"]
    answer = aws.client("lambda").invoke(FunctionName=alias, InvocationType="Event", Payload=payload)
    assert answer["StatusCode"] == 202


def objects(aws: Any, cloud: Cloud, image_id: str) -> list[str]:
    """Return the keys of a photo's objects in the bucket."""
    s3, bucket = aws.client("s3"), cloud.outputs["images"]["BucketName"]
    found = [
        s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
        for key in (upload_key(image_id), thumbnail_key(image_id))
    ]
    return [stored["Key"] for contents in found for stored in contents]


def test_a_repeated_event_changes_nothing_and_costs_nothing(
    gallery: GalleryClient, gemini: GeminiServer, cloud: Cloud, aws: Any, announcements: Announcements
) -> None:
    image_id = gallery.upload(photos.jpeg())
    before = gallery.wait(image_id)
    wait_for_messages(aws, cloud, "annotate", image_id)
    mark_thumbnail(aws, cloud, image_id)
    asked = len(gemini.requests)
    envelope = announcements.until(upload_key(image_id))
    for function in ("thumbnail", "annotate"):
        deliver(aws, cloud, function, envelope)
    wait_until(
        lambda: "the photo needs no description" in wait_for_messages(aws, cloud, "annotate", image_id),
        "the repeated event was not handled",
    )
    gallery.wait(gallery.upload(photos.jpeg(seed=1)))  # by now the thumbnail function has handled it, too
    assert len(gemini.requests) == asked + 1
    after = gallery.image(image_id)
    assert {**after, "thumbnail": None} == {**before, "thumbnail": None}
    assert after["thumbnail"]["status"] == "ready"
    assert is_marked(aws, cloud, image_id)
    assert dead_letters(aws, cloud) == []


@pytest.mark.local_cloud
@pytest.mark.parametrize(("first", "last"), [("thumbnail", "annotate"), ("annotate", "thumbnail")])
def test_either_function_may_run_first(
    gallery: GalleryClient,
    gemini: GeminiServer,
    cloud: Cloud,
    aws: Any,
    announcements: Announcements,
    first: str,
    last: str,
) -> None:
    part = {"thumbnail": "thumbnail", "annotate": "annotation"}
    with muted(aws, cloud.outputs["images"]["TopicArn"], cloud.outputs[last]["FunctionArn"]):
        image_id = gallery.upload(photos.jpeg(320, 200))
        half = gallery.wait(image_id, lambda image: bool(image[part[first]]["status"] == "ready"))
        assert half[part[last]]["status"] == "pending"
        envelope = announcements.until(upload_key(image_id))
    deliver(aws, cloud, last, envelope)
    whole = gallery.wait(image_id)
    assert (whole["thumbnail"]["status"], whole["annotation"]["status"]) == ("ready", "ready")
    assert whole[part[first]] == half[part[first]]
    assert whole["annotation"]["caption"] == "A photo of 320 by 200 pixels."
    assert sorted(objects(aws, cloud, image_id)) == sorted([upload_key(image_id), thumbnail_key(image_id)])


@pytest.mark.local_cloud
def test_no_photo_is_lost_while_functions_are_released(
    gallery: GalleryClient, gemini: GeminiServer, cloud: Cloud, aws: Any
) -> None:
    functions = aws.client("lambda")
    thumbnail, annotate = (cloud.outputs[stack]["FunctionName"] for stack in ("thumbnail", "annotate"))
    bucket, key = other_package(aws, cloud, "thumbnail")
    sizes = [(200 + number, 100) for number in range(60)]
    with ThreadPoolExecutor(2) as browsers:
        uploads = browsers.map(lambda size: gallery.upload(photos.jpeg(*size)), sizes)
        release_code(functions, thumbnail, S3Bucket=bucket, S3Key=key)
        for colour in ("green", "blue"):
            release(functions, annotate, {"COLOUR": colour})
            release(functions, thumbnail, {"COLOUR": colour})
        ids = list(uploads)
    images = [gallery.wait(image_id) for image_id in ids]
    assert {(image["thumbnail"]["status"], image["annotation"]["status"]) for image in images} == {("ready", "ready")}
    assert [image["annotation"]["caption"] for image in images] == [
        f"A photo of {width} by {height} pixels." for width, height in sizes
    ]
    assert dead_letters(aws, cloud) == []


def other_package(aws: Any, cloud: Cloud, stack: str) -> tuple[str, str]:
    """Store a function's package with one more file, and return bucket and key: different code, same behaviour."""
    bucket, key = package_place(aws, cloud, stack)
    package = io.BytesIO(read_package(aws, cloud, stack))
    with zipfile.ZipFile(package, "a") as archive:
        archive.writestr("note.txt", "another release")
    aws.client("s3").put_object(Bucket=bucket, Key=f"other-{key}", Body=package.getvalue())
    return bucket, f"other-{key}"


def test_a_photo_deleted_while_gemini_works_does_not_come_back(
    gallery: GalleryClient, gemini: GeminiServer, cloud: Cloud, aws: Any
) -> None:
    asked = len(gemini.requests)
    gemini.reply(replace(description("Too late.", "Too late.", ["late"]), delay_seconds=1))
    image_id = gallery.upload(photos.jpeg())
    wait_until(lambda: len(gemini.requests) > asked, "Gemini was not called")
    gallery.delete(image_id)
    (message,) = wait_for_messages(aws, cloud, "annotate", image_id)
    assert message.startswith("the photo was deleted")
    wait_for_messages(aws, cloud, "thumbnail", image_id)
    assert gallery.find(image_id) is None
    assert objects(aws, cloud, image_id) == []
    assert dead_letters(aws, cloud) == []


def test_photos_deleted_at_any_moment_do_not_come_back(gallery: GalleryClient, cloud: Cloud, aws: Any) -> None:
    ids = []
    for number in range(16):
        image_id = gallery.upload(photos.jpeg(seed=number))
        ids.append(image_id)
        time.sleep(0.01 * number)
        gallery.delete(image_id)
    for image_id in ids:
        wait_for_messages(aws, cloud, "thumbnail", image_id)
    for later in [gallery.upload(photos.jpeg(seed=number)) for number in range(4)]:
        gallery.wait(later)  # by now the annotate function has handled them, too
    assert [gallery.find(image_id) for image_id in ids] == [None] * len(ids)
    assert [key for image_id in ids for key in objects(aws, cloud, image_id)] == []
    assert dead_letters(aws, cloud) == []
