"""WebP files: what Pillow writes, and containers that it can only read. RFC 9649"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from PIL import Image

from support.corpus import profiles
from support.corpus.sample import SCENE, SIZES, STORED, Sample, drawn, on_white, stored, translucent
from support.photos import encoded, exif, scene

ANIMATION, EXIF, ALPHA, PROFILE = 0x02, 0x08, 0x10, 0x20
OPTIONS: dict[str, dict[str, object]] = {
    "lossy": {"quality": 90},
    "sharp": {"quality": 90, "use_sharp_yuv": True},
    "lossless": {"lossless": True},
}


def riff(*chunks: bytes) -> bytes:
    """Return a WebP file of chunks."""
    content = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk, padded to an even length."""
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def extended(size: tuple[int, int], flags: int) -> bytes:
    """Return the header of an extended file (2.7)."""
    return chunk(b"VP8X", bytes([flags, 0, 0, 0]) + _three(size[0] - 1) + _three(size[1] - 1))


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")


def image_chunks(file: bytes) -> bytes:
    """Return the chunks of a still file that hold its pixels."""
    kept, position = b"", 12
    while position < len(file):
        (length,) = struct.unpack_from("<I", file, position + 4)
        end = position + 8 + length + length % 2
        if file[position : position + 4] in (b"VP8 ", b"VP8L", b"ALPH"):
            kept += file[position:end]
        position = end
    return kept


def frame(picture: Image.Image, place: tuple[int, int] = (0, 0), *, blend: bool = True, **options: object) -> bytes:
    """Return a frame of an animation; `place` has even numbers."""
    sides = _three(picture.width - 1) + _three(picture.height - 1)
    head = _three(place[0] // 2) + _three(place[1] // 2) + sides + _three(100) + bytes([0 if blend else 2])
    return chunk(b"ANMF", head + image_chunks(encoded(picture, "WEBP", **options)))


def animation(canvas: tuple[int, int], *frames: bytes, background: bytes = b"\xff\0\0\xff") -> bytes:
    """Return an animation on a background of BGRA."""
    return riff(extended(canvas, ANIMATION | ALPHA), chunk(b"ANIM", background + b"\0\0"), *frames)


def _still() -> Iterator[tuple[str, Sample]]:
    glass = translucent(SCENE)
    for name, options in OPTIONS.items():
        yield name, Sample(encoded(SCENE, "WEBP", **options), SCENE)
        yield f"{name}, alpha", Sample(encoded(glass, "WEBP", **options), on_white(glass))
    yield "hidden colours", Sample(encoded(glass, "WEBP", exact=True, lossless=True), on_white(glass))
    hidden = Image.new("RGBA", SCENE.size)
    yield "fully transparent", Sample(encoded(hidden, "WEBP"), on_white(hidden))
    grey, few = SCENE.convert("L"), SCENE.quantize(8)
    yield "grey", Sample(encoded(grey, "WEBP"), grey.convert("RGB"))
    yield "few colours", Sample(encoded(few, "WEBP", lossless=True), few.convert("RGB"))
    file, lossless = encoded(SCENE, "WEBP"), encoded(SCENE, "WEBP", lossless=True)
    yield "extended without need", Sample(riff(extended(SCENE.size, 0), image_chunks(file)), SCENE)
    yield "extended and lossless", Sample(riff(extended(SCENE.size, 0), image_chunks(lossless)), SCENE)
    yield "unknown chunk", Sample(riff(extended(SCENE.size, 0), image_chunks(file), chunk(b"JUNK", b"x")), SCENE)
    yield "alpha announced but missing", Sample(riff(extended(SCENE.size, ALPHA), image_chunks(file)), SCENE)
    bare = riff(extended(SCENE.size, EXIF | PROFILE), image_chunks(file))
    yield "metadata announced but missing", Sample(bare, SCENE)
    yield "data after the end", Sample(file + bytes(range(256)), SCENE)
    for size in [*SIZES, (16_383, 1)]:
        yield "{} x {}".format(*size), Sample(encoded(drawn(size), "WEBP", lossless=True), drawn(size))
    large = scene(1602, 1203)
    yield "large", Sample(encoded(large, "WEBP", quality=90, method=0), large)


def _with_metadata() -> Iterator[tuple[str, Sample]]:
    glass = translucent(SCENE)
    for orientation in STORED:
        turned = stored(SCENE, orientation)
        yield f"orientation {orientation}", Sample(encoded(turned, "WEBP", exif=exif(orientation)), SCENE)
    yield "turned, alpha", Sample(encoded(stored(glass, 5), "WEBP", exif=exif(5)), on_white(glass))
    yield "little-endian orientation", Sample(encoded(stored(SCENE, 6), "WEBP", exif=exif(6, order="<")), SCENE)
    for name, given in profiles.RGB.items():
        inside = profiles.in_space(SCENE, given)
        yield name, Sample(encoded(inside, "WEBP", icc_profile=given, quality=95), SCENE)
    wide = translucent(profiles.in_space(SCENE, profiles.RGB["Display P3"]))
    file = encoded(wide, "WEBP", icc_profile=profiles.RGB["Display P3"], lossless=True)
    yield "alpha with a profile", Sample(file, on_white(glass))
    for name, given in profiles.UNUSABLE.items():
        yield name, Sample(encoded(SCENE, "WEBP", icc_profile=given), SCENE)
    yield "XMP that is not XML", Sample(encoded(SCENE, "WEBP", xmp=b"\xff<"), SCENE)


def _animated() -> Iterator[tuple[str, Sample]]:
    size, glass, other = SCENE.size, translucent(SCENE), scene(*SCENE.size, seed=1)
    for lossless in (False, True):
        name = f"animated{', lossless' * lossless}"
        file = encoded(SCENE, "WEBP", save_all=True, append_images=[other], quality=90, lossless=lossless)
        yield name, Sample(file, SCENE)
        file = encoded(glass, "WEBP", save_all=True, append_images=[translucent(other)], quality=90, lossless=lossless)
        yield f"{name}, alpha", Sample(file, on_white(glass))
    turned = encoded(stored(SCENE, 8), "WEBP", save_all=True, append_images=[stored(other, 8)], exif=exif(8))
    yield "animated and turned", Sample(turned, SCENE)
    canvas, place = (72, 64), (8, 6)
    for name, picture in {"small frame": SCENE, "small frame, alpha": glass}.items():
        shown = Image.new("RGB", canvas, "white")
        shown.paste(on_white(picture), place)
        for blend in (True, False):
            file = animation(canvas, frame(picture, place, blend=blend, lossless=True), frame(other))
            yield f"{name}{'' if blend else ', not blended'}", Sample(file, shown)
    dot = Image.new("RGB", (2, 2), "navy")
    shown = Image.new("RGB", canvas, "white")
    shown.paste(dot, place)
    yield "frame of few pixels", Sample(animation(canvas, frame(dot, place, lossless=True), frame(other)), shown)
    yield "one frame", Sample(animation(size, frame(SCENE)), SCENE)


def pictures() -> dict[str, Sample]:
    """Return a file of each kind that imaging decodes."""
    return dict(_still()) | dict(_with_metadata()) | dict(_animated())


def unreadable() -> dict[str, bytes]:
    """Return damaged files."""
    file = encoded(SCENE, "WEBP")
    return {
        "half": file[: len(file) // 2],
        "only a signature": file[:12],
        "no pixels": riff(extended(SCENE.size, 0)),
        "no frames": animation(SCENE.size),
        "frame outside the canvas": animation(SCENE.size, frame(SCENE, (8, 6))),
        "too many pixels": riff(extended((12_000, 12_000), ALPHA), image_chunks(file)),
    }
