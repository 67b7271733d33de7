"""Thumbnails that show whether they were made again."""

from __future__ import annotations

from typing import Any

from catalog.keys import thumbnail_key
from support.clouds import Cloud

_MARK = b"a thumbnail made again would replace this"


def mark_thumbnail(aws: Any, cloud: Cloud, image_id: str) -> None:
    """Put another file in the place of a thumbnail, with the metadata of that."""
    s3, place = aws.client("s3"), _place(cloud, image_id)
    s3.put_object(**place, Body=_MARK, Metadata=s3.head_object(**place)["Metadata"])


def is_marked(aws: Any, cloud: Cloud, image_id: str) -> bool:
    """Tell whether the thumbnail was left as it was."""
    return bool(aws.client("s3").get_object(**_place(cloud, image_id))["Body"].read() == _MARK)


def _place(cloud: Cloud, image_id: str) -> dict[str, str]:
    return {"Bucket": cloud.outputs["images"]["BucketName"], "Key": thumbnail_key(image_id)}
