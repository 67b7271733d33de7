"""Limits of an upload."""

MAX_BYTES = 50 * 1024**2
TOO_LARGE = f"This file is larger than {MAX_BYTES // 1024**2} MiB. Upload a smaller version of the photo."
"""Failure reason for an upload of more than MAX_BYTES."""

CONTENT_TYPES = (
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/gif",
    "image/avif",
    "image/heic",
    "image/heif",
)
