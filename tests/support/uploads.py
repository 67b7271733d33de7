"""Photos in a bucket, without their events."""

from typing import Any

import boto3

from catalog.filenames import filename_metadata
from catalog.keys import new_id, upload_key


def put_upload(
    bucket: str,
    body: bytes = b"photo",
    filename: str = "kite.jpg",
    content_type: str = "image/jpeg",
    image_id: str | None = None,
    s3: Any = None,
) -> str:
    """Store a photo as the browser does with a form, and return its id; a test of many photos gives a client."""
    image_id = image_id or new_id()
    (s3 or boto3.client("s3")).put_object(
        Bucket=bucket,
        Key=upload_key(image_id),
        Body=body,
        ContentType=content_type,
        Metadata=filename_metadata(filename),
    )
    return image_id
