"""Marks thumbnails, so that a test can tell whether they were made again."""

from typing import Any

from catalog.keys import thumbnail_key
from support.clouds import Cloud

_MARK = b"a new thumbnail would replace this"


def mark_thumbnail(aws: Any, cloud: Cloud, image_id: str) -> None:
    """Replace the content of a thumbnail and keep its metadata."""
    s3, place = aws.client("s3"), _place(cloud, image_id)
    s3.put_object(**place, Body=_MARK, Metadata=s3.head_object(**place)["Metadata"])


def is_marked(aws: Any, cloud: Cloud, image_id: str) -> bool:
    """Return whether the thumbnail is still the marked one."""
    return bool(aws.client("s3").get_object(**_place(cloud, image_id))["Body"].read() == _MARK)


def _place(cloud: Cloud, image_id: str) -> dict[str, str]:
    return {"Bucket": cloud.outputs["images"]["BucketName"], "Key": thumbnail_key(image_id)}
