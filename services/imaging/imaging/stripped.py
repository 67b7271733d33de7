"""A file reduced to its pixels, for decoders that reject a good picture because of its metadata."""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_PROFILE_BYTES = 4 * 1024 * 1024  # colour profiles of printing presses have up to 3 MB


@dataclass(frozen=True)
class Stripped:
    """A file without metadata, and the metadata that affect how it is shown.

    Attributes:
        data: the file as the decoder gets it.
        exif: EXIF metadata, with or without the `Exif` prefix; empty if the file has none.
        profile: the ICC colour profile; empty if the file has none.
        hidden_exif: EXIF metadata whose orientation does not count, because the container has its own.
    """

    data: bytes
    exif: bytes = b""
    profile: bytes = b""
    hidden_exif: bytes = field(default=b"", kw_only=True)
