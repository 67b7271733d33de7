"""Detects the format of a file from its first bytes."""

from __future__ import annotations

_SIGNATURES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
# Brands of ISO/IEC 23008-12 and AVIF. `mif1` and `msf1` alone do not identify the codec.
_BRANDS = dict.fromkeys((b"avif", b"avis"), "image/avif") | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "image/heic"
)
_ANY_CODEC = (b"mif1", b"msf1")
_MAX_BRANDS_BYTES = 256


def detect(data: bytes) -> str | None:
    """Return the type of a picture file, for example `image/jpeg`; None if it has no supported format."""
    for signature, content_type in _SIGNATURES.items():
        if data.startswith(signature):
            return content_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":  # a box of brands: the major one, its version, compatible ones
        end = min(int.from_bytes(data[:4]), len(data), _MAX_BRANDS_BYTES)
        brands = [data[8:12], *(data[start : start + 4] for start in range(16, end, 4))]
        for brand in brands:
            if brand in _BRANDS:
                return _BRANDS[brand]
        if any(brand in _ANY_CODEC for brand in brands):
            return "image/heif"
    return None
