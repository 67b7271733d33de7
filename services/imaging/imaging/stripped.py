"""A picture file reduced to its pixels, for decoders that reject a good picture because of its metadata."""

from __future__ import annotations

from dataclasses import dataclass

MAX_PROFILE_BYTES = 4 * 1024 * 1024  # colour profiles of printing presses have up to 3 MB


@dataclass(frozen=True)
class Stripped:
    """A file without metadata, and the metadata that change how it is shown.

    Attributes:
        data: the file as a decoder should see it.
        exif: EXIF metadata, from the byte-order mark on or with a prefix; empty when there are none.
        profile: the ICC colour profile; empty when there is none.
    """

    data: bytes
    exif: bytes = b""
    profile: bytes = b""
