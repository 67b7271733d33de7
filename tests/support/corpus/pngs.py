"""PNG files of every colour type and depth. https://www.w3.org/TR/png-3/"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

from PIL import Image

from support.corpus import profiles
from support.corpus.sample import SCENE, SIZES, STORED, Sample, drawn, on_white, stored, translucent
from support.photos import encoded, exif, png, png_chunk, scene

GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
DEPTHS = {GREY: (1, 2, 4, 8, 16), COLOUR: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), COLOUR_ALPHA: (8, 16)}
NAMES = {GREY: "grey", COLOUR: "colour", PALETTE: "palette", GREY_ALPHA: "grey, alpha", COLOUR_ALPHA: "colour, alpha"}
MODES = {GREY: "L", COLOUR: "RGB", PALETTE: "P", GREY_ALPHA: "LA", COLOUR_ALPHA: "RGBA"}
WHOLE = ((0, 0, 1, 1),)
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of an interlaced picture: first column and row, and the steps between columns and rows (8.1)."""


def written(picture: Image.Image, depth: int, *chunks: bytes, interlaced: bool = False, filters: str = "0") -> bytes:
    """Return an L, LA, P, RGB or RGBA picture as a PNG; its rows have these types of filter in turn (9.2)."""
    colour = next(number for number, mode in MODES.items() if mode == picture.mode)
    rows = _samples(picture, depth)
    coded = []
    for left, top, across, down in PASSES if interlaced else WHOLE:
        before: bytes = b""
        for number, row in enumerate(rows[top::down]):
            pixels = row[left::across]
            if pixels:
                packed = _packed([sample for pixel in pixels for sample in pixel], depth)
                kind = int(filters[number % len(filters)])
                coded.append(bytes([kind]) + _filtered(kind, packed, before, max(1, len(pixels[0]) * depth // 8)))
                before = packed
    palette = [png_chunk(b"PLTE", bytes(picture.getpalette() or ()))] if colour == PALETTE else []
    pixels_coded = zlib.compress(b"".join(coded))
    return png(*picture.size, depth, colour, pixels_coded, *palette, *chunks, interlaced=int(interlaced))


def _samples(picture: Image.Image, depth: int) -> list[list[tuple[int, ...]]]:
    """Return rows of pixels, scaled to a depth unless they are numbers of colours."""
    bands, (width, height) = len(picture.getbands()), picture.size
    most = 255 if picture.mode == "P" else 2**depth - 1
    samples = [round(sample * most / 255) for sample in picture.tobytes()]
    pixels = list(zip(*(samples[band::bands] for band in range(bands)), strict=True))
    return [pixels[row * width : (row + 1) * width] for row in range(height)]


def _packed(samples: Sequence[int], depth: int) -> bytes:
    bits = "".join(f"{sample:0{depth}b}" for sample in samples)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8)


def _filtered(kind: int, row: bytes, above: bytes, step: int) -> bytes:
    """Return a row less its prediction: 0 nothing, 1 the left byte, 2 the one above, 3 their mean, 4 Paeth's."""
    above = above or bytes(len(row))
    predicted = []
    for place, up in enumerate(above):
        left, corner = (row[place - step], above[place - step]) if place >= step else (0, 0)
        estimate = left + up - corner
        nearest = min((left, up, corner), key=lambda value: abs(estimate - value))
        predicted.append((0, left, up, (left + up) // 2, nearest)[kind])
    return bytes((byte - guess) % 256 for byte, guess in zip(row, predicted, strict=True))


def trns(*samples: int) -> bytes:
    """Return the chunk that makes one level or colour transparent (11.3.1.1)."""
    return png_chunk(b"tRNS", struct.pack(f">{len(samples)}H", *samples))


def _drawn_as(colour: int, depth: int) -> Image.Image:
    """Return the scene as it can be stored with this colour type and depth, in the mode of `written`."""
    if colour == PALETTE:
        return SCENE.quantize(2**depth)
    if colour == GREY and depth < 8:
        most = 2**depth - 1
        return SCENE.convert("L").point(lambda level: round(level * most / 255) * 255 // most)
    grey = colour in (GREY, GREY_ALPHA)
    picture = SCENE.convert("L") if grey else SCENE
    return translucent(picture) if colour in (GREY_ALPHA, COLOUR_ALPHA) else picture


def _every_type() -> Iterator[tuple[str, Sample]]:
    for colour, depths in DEPTHS.items():
        for depth in depths:
            picture = _drawn_as(colour, depth)
            for interlaced in (False, True):
                name = f"{NAMES[colour]}, {depth} bits{', interlaced' * interlaced}"
                yield name, Sample(written(picture, depth, interlaced=interlaced), on_white(picture))


def _transparent() -> Iterator[tuple[str, Sample]]:
    """Yield files whose tRNS chunk makes a colour, or colours of a palette, transparent."""
    for colour in (GREY, COLOUR):
        for depth in DEPTHS[colour]:
            picture = _drawn_as(colour, depth)
            key = picture.getpixel((0, picture.height - 1))
            levels = key if isinstance(key, tuple) else (key,)
            scaled = [round(level * (2**depth - 1) / 255) for level in levels]
            keyed = picture.copy()
            keyed.info["transparency"] = key
            yield f"{NAMES[colour]} key, {depth} bits", Sample(written(picture, depth, trns(*scaled)), on_white(keyed))
    for depth in DEPTHS[PALETTE]:
        picture = _drawn_as(PALETTE, depth)
        alpha = bytes(255 * number // 2**depth for number in range(2**depth))
        picture.info["transparency"] = alpha
        chunk = png_chunk(b"tRNS", alpha)
        yield f"palette with alpha, {depth} bits", Sample(written(picture, depth, chunk), on_white(picture))
    few = SCENE.quantize(16)
    few.info["transparency"] = b"\0\x80"
    yield "palette with two alphas", Sample(written(few, 8, png_chunk(b"tRNS", b"\0\x80")), on_white(few))
    more = png_chunk(b"tRNS", b"\0\x80" + b"\xff" * 200)
    yield "palette with more alphas than colours", Sample(written(few, 8, more), on_white(few))
    hidden = Image.new("RGBA", SCENE.size)
    yield "fully transparent", Sample(encoded(hidden, "PNG"), on_white(hidden))
    glass = translucent(SCENE)
    yield "forbidden tRNS", Sample(written(glass, 8, trns(1, 2, 3)), on_white(glass))


def _with_metadata() -> Iterator[tuple[str, Sample]]:
    def profile(content: bytes) -> bytes:
        return png_chunk(b"iCCP", b"name\0\0" + zlib.compress(content))

    for orientation in STORED:
        chunk = png_chunk(b"eXIf", exif(orientation).removeprefix(b"Exif\0\0"))
        yield f"orientation {orientation}", Sample(written(stored(SCENE, orientation), 8, chunk), SCENE)
    glass, grey = translucent(SCENE), SCENE.convert("L")
    turned = png_chunk(b"eXIf", exif(6).removeprefix(b"Exif\0\0"))
    yield "turned, with alpha", Sample(written(stored(glass, 6), 16, turned, interlaced=True), on_white(glass))
    for name, given in profiles.RGB.items():
        inside = profiles.in_space(SCENE, given)
        yield name, Sample(written(inside, 8, profile(given)), SCENE)
    wide = translucent(profiles.in_space(SCENE, profiles.RGB["Display P3"]))
    yield "alpha with a profile", Sample(written(wide, 8, profile(profiles.RGB["Display P3"])), on_white(glass))
    many = profiles.in_space(SCENE.quantize(32).convert("RGB"), profiles.RGB["Display P3"]).quantize(32)
    file = written(many, 8, profile(profiles.RGB["Display P3"]))
    yield "palette with a profile", Sample(file, SCENE.quantize(32).convert("RGB"))
    linear = profiles.in_space(grey, profiles.GREY)
    for depth in (8, 16):
        file = written(linear, depth, profile(profiles.GREY))
        yield f"grey with a profile, {depth} bits", Sample(file, on_white(grey))
        file = written(translucent(linear), depth, profile(profiles.GREY))
        yield f"grey and alpha with a profile, {depth} bits", Sample(file, on_white(translucent(grey)))
    yield "grey with a profile for RGB", Sample(written(grey, 8, profile(profiles.RGB["Adobe RGB"])), on_white(grey))
    yield "profile for grey", Sample(written(SCENE, 8, profile(profiles.GREY)), SCENE)
    yield "half a profile", Sample(written(SCENE, 8, profile(profiles.WRONG["half a profile"])), SCENE)
    chunk = png_chunk(b"bKGD", struct.pack(">3H", 255, 0, 0))
    yield "background colour", Sample(written(glass, 8, chunk), on_white(glass))
    chunk = png_chunk(b"sBIT", b"\5\6\5")
    yield "significant bits", Sample(written(SCENE, 8, chunk), SCENE)
    chunk = png_chunk(b"pHYs", struct.pack(">IIB", 0, 0, 1))
    yield "resolution of zero", Sample(written(SCENE, 8, chunk), SCENE)


def _other() -> Iterator[tuple[str, Sample]]:
    yield "every filter", Sample(written(SCENE, 8, filters="01234"), SCENE)
    few = SCENE.quantize(4)
    yield "filtered palette", Sample(written(few, 2, filters="01234"), on_white(few))
    file = written(SCENE, 8)
    start, end = file.index(b"IDAT") - 4, len(file) - 12
    pieces = [png_chunk(b"IDAT", file[place : min(place + 50, end - 4)]) for place in range(start + 8, end - 4, 50)]
    yield "many small chunks", Sample(file[:start] + b"".join([*pieces, png_chunk(b"IDAT", b"")]) + file[end:], SCENE)
    yield "data after the end", Sample(file + bytes(range(256)) * 4, SCENE)
    yield "no end", Sample(file[:end], SCENE)
    for name, options in {"animated": {}, "animated, default picture": {"default_image": True}}.items():
        frames = [scene(*SCENE.size, seed=seed) for seed in (1, 2)]
        yield name, Sample(encoded(SCENE, "PNG", save_all=True, append_images=frames, **options), SCENE)
    for size in SIZES:
        glass = translucent(drawn(size))
        yield "{} x {}".format(*size), Sample(encoded(glass, "PNG"), on_white(glass))
    yield "7 x 5, interlaced", Sample(written(drawn((7, 5)), 8, interlaced=True), drawn((7, 5)))
    large = scene(1601, 1203)
    yield "large", Sample(encoded(large, "PNG", compress_level=1), large)


def pictures() -> dict[str, Sample]:
    """Return a file of each kind that imaging decodes."""
    return dict(_every_type()) | dict(_transparent()) | dict(_with_metadata()) | dict(_other())


def unreadable() -> dict[str, bytes]:
    """Return damaged files, and variants that do not exist in the standard."""
    file = written(SCENE, 8)
    pixels = zlib.compress(bytes(1000))
    return {
        "half": file[: len(file) // 2],
        "only a signature": file[:8],
        "no pixels": png(8, 8, 8, COLOUR, b""),
        "no columns": png(0, 8, 8, COLOUR, pixels),
        "no rows": png(8, 0, 8, COLOUR, pixels),
        "too few pixels": png(100, 100, 8, COLOUR, pixels),
        "depth of three": png(8, 8, 3, GREY, pixels),
        "palette of 16 bits": png(8, 8, 16, PALETTE, pixels),
        "colour type of one": png(8, 8, 8, 1, pixels),
        "no palette": png(8, 8, 8, PALETTE, pixels),
        "no header": file[:8] + file[33:],
        "too many pixels": png(10_001, 10_000, 8, GREY, pixels),
    }
