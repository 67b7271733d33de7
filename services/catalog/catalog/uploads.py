"""An upload as the bucket describes it, before its file is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from catalog.filenames import read_filename


@dataclass(frozen=True)
class Upload:
    """The object of an uploaded photo."""

    id: str
    filename: str
    content_type: str
    bytes: int
    etag: str
    uploaded_at: datetime

    @classmethod
    def from_object(cls, image_id: str, description: Mapping[str, Any]) -> Self:
        """Convert boto3's response to HeadObject or GetObject."""
        return cls(
            id=image_id,
            filename=read_filename(description.get("Metadata", {})),
            content_type=str(description.get("ContentType", "application/octet-stream"))[:100],
            bytes=description["ContentLength"],
            etag=description["ETag"].strip('"'),
            uploaded_at=description["LastModified"],
        )
