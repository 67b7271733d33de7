"""JPEG files: what Pillow writes, and rarer frames, components and sampling factors that it can only read."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageOps

from support.corpus import profiles
from support.corpus.sample import SCENE, SIZES, STORED, Sample, drawn, quarters, stored
from support.photos import encoded, exif, scene

BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2


@dataclass(frozen=True)
class Component:
    """A component of a frame: one channel, its identifier, and its horizontal and vertical sampling factor."""

    plane: Image.Image
    identifier: int
    h: int = 1
    v: int = 1


def segment(marker: int, content: bytes, length: int | None = None) -> bytes:
    """Return a marker segment, with a wrong length if one is given (ISO/IEC 10918-1, B.1.1.4)."""
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2 if length is None else length) + content


def adobe(transform: int) -> bytes:
    """Return Adobe's segment (ITU-T T.872, 6.5.3): 0 for RGB or CMYK, 1 for YCbCr, 2 for YCCK."""
    return segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, transform))


JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")


def flat_jpeg(
    components: Sequence[Component],
    *metadata: bytes,
    frame: int = BASELINE,
    interleaved: bool = True,
    restart: int = 0,
    precision: int = 8,
) -> bytes:
    """Return a JPEG whose blocks of 8 x 8 samples have one level each, which needs no cosine transform.

    Args:
        components: channels of the same size.
        metadata: segments before the frame.
        frame: the marker of the frame; an extended one gets a quantization table of 16 bits.
        interleaved: whether one scan holds all components; otherwise each has a scan.
        restart: MCUs between restart markers; 0 for none.
        precision: what the frame claims, in bits.
    """
    width, height = components[0].plane.size
    deep = frame == EXTENDED
    table = struct.pack(">64H" if deep else "64B", *[8] * 64)
    parts = [
        b"\xff\xd8",
        *metadata,
        segment(0xDB, bytes([deep << 4]) + table),
        segment(
            frame,
            struct.pack(">BHHB", precision, height, width, len(components))
            + b"".join(bytes([each.identifier, each.h << 4 | each.v, 0]) for each in components),
        ),
        segment(0xC4, b"\0" + bytes([0, 0, 0, 9, *[0] * 12]) + bytes(range(9))),  # DC: 9 categories of 4 bits each
        segment(0xC4, b"\x10" + bytes([1, *[0] * 15]) + b"\0"),  # AC: the end of the block, in 1 bit
        segment(0xDD, struct.pack(">H", restart)) if restart else b"",
    ]
    alone = [[each] for each in components]
    for scan in [components] if interleaved else alone:
        units = list(_units(scan, components))
        parts += [_scan(scan, 0, 0 if frame == PROGRESSIVE else 63), _coded(units, frame != PROGRESSIVE, restart)]
    if frame == PROGRESSIVE:
        for scan in alone:
            ends = "0" * len(list(_units(scan, components)))
            parts += [_scan(scan, 1, 63), _packed(ends)]
    return b"".join([*parts, b"\xff\xd9"])


def _scan(scan: Sequence[Component], first: int, last: int) -> bytes:
    """Return the header of a scan with these coefficients (B.2.3)."""
    selected = b"".join(bytes([each.identifier, 0]) for each in scan)
    return segment(0xDA, bytes([len(scan)]) + selected + bytes([first, last, 0]))


def _units(scan: Sequence[Component], components: Sequence[Component]) -> Iterator[list[tuple[int, int]]]:
    """Yield the MCUs of a scan (A.2): for each block, the number of its component and its level, -128 to 127."""
    width, height = components[0].plane.size
    most_h, most_v = max(each.h for each in components), max(each.v for each in components)
    columns, rows = -(-width // (8 * most_h)), -(-height // (8 * most_v))
    grids = []
    for each in scan:
        padded = each.plane.crop((0, 0, columns * 8 * most_h, rows * 8 * most_v))
        grids.append(padded.resize((columns * each.h, rows * each.v), Image.Resampling.BOX))
    if len(scan) == 1:
        h, v = scan[0].h, scan[0].v
        for y in range(-(-height * v // (8 * most_v))):
            for x in range(-(-width * h // (8 * most_h))):
                yield [(0, _level(grids[0], x, y))]
        return
    for row in range(rows):
        for column in range(columns):
            yield [
                (number, _level(grids[number], column * each.h + x, row * each.v + y))
                for number, each in enumerate(scan)
                for y in range(each.v)
                for x in range(each.h)
            ]


def _level(grid: Image.Image, x: int, y: int) -> int:
    level = grid.getpixel((x, y))
    assert isinstance(level, int)
    return level - 128


def _coded(units: list[list[tuple[int, int]]], ends_blocks: bool, restart: int) -> bytes:
    """Return coded MCUs (F.1.2.1), with restart markers between intervals."""
    interval = restart or len(units)
    coded = []
    for number, start in enumerate(range(0, len(units), interval)):
        before: dict[int, int] = {}
        bits = ""
        for component, level in (block for unit in units[start : start + interval] for block in unit):
            change = level - before.get(component, 0)
            before[component] = level
            size = abs(change).bit_length()
            bits += f"{size:04b}"
            if size:
                bits += f"{change if change > 0 else change + 2**size - 1:0{size}b}"
            bits += "0" * ends_blocks
        coded.append((b"\xff" + bytes([0xD0 + (number - 1) % 8]) if number else b"") + _packed(bits))
    return b"".join(coded)


def _packed(bits: str) -> bytes:
    """Return bits as bytes, with a zero after each that looks like a marker (F.1.2.3)."""
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\0")


QUARTERS = quarters()


def _channels(
    mode: str, factors: str = "", identifiers: Sequence[int] = (1, 2, 3, 4), picture: Image.Image = QUARTERS
) -> list[Component]:
    """Return the components of a picture in a mode; `factors` are the two digits of each component."""
    planes = _ycck(picture) if mode == "YCCK" else picture.convert(mode).split()
    if mode == "CMYK":
        planes = tuple(ImageOps.invert(plane) for plane in planes)  # as Adobe stores it
    factors = factors or "11" * len(planes)
    return [
        Component(plane, identifiers[number], int(factors[2 * number]), int(factors[2 * number + 1]))
        for number, plane in enumerate(planes)
    ]


def _ycck(picture: Image.Image) -> tuple[Image.Image, ...]:
    """Return the planes of a picture without black ink: the inks as luminance and chrominance, inverted black."""
    return (*ImageOps.invert(picture).convert("YCbCr").split(), Image.new("L", picture.size, 255))


def _written_by_hand() -> Iterator[tuple[str, bytes]]:
    yield "YCCK", flat_jpeg(_channels("YCCK"), adobe(2))
    yield "YCCK with subsampled colours", flat_jpeg(_channels("YCCK", "22111122"), adobe(2))
    yield "YCCK with subsampled black", flat_jpeg(_channels("YCCK", "22111111"), adobe(2))
    yield "CMYK of Adobe", flat_jpeg(_channels("CMYK"), adobe(0))
    yield "CMYK without a marker", flat_jpeg(_channels("CMYK"))
    yield "RGB of Adobe", flat_jpeg(_channels("RGB"), adobe(0))
    yield "RGB named by its components", flat_jpeg(_channels("RGB", "", b"RGB"))
    yield "YCbCr of Adobe", flat_jpeg(_channels("YCbCr"), adobe(1))
    yield "YCbCr of Adobe and JFIF", flat_jpeg(_channels("YCbCr"), JFIF, adobe(1))
    yield "YCbCr without a marker", flat_jpeg(_channels("YCbCr"))
    yield "components that count from zero", flat_jpeg(_channels("YCbCr", "", (0, 1, 2)), JFIF)
    for name, factors in {
        "4:1:1": "411111",
        "4:1:0": "421111",
        "4:4:0": "121111",
        "4:2:2 as 2x2, 1x2": "221212",
        "4:4:4 as 2x1": "212121",
        "different chroma": "221211",
        "fine chroma": "112222",
    }.items():
        yield name, flat_jpeg(_channels("YCbCr", factors), JFIF)
    yield "a scan for each component", flat_jpeg(_channels("YCbCr"), JFIF, interleaved=False)
    yield "a scan for each subsampled component", flat_jpeg(_channels("YCbCr", "221111"), JFIF, interleaved=False)
    yield "extended", flat_jpeg(_channels("YCbCr"), JFIF, frame=EXTENDED)
    yield "progressive, of one level", flat_jpeg(_channels("YCbCr"), JFIF, frame=PROGRESSIVE)
    yield "restart markers", flat_jpeg(_channels("YCbCr", "221111"), JFIF, restart=3)
    yield "restart markers in scans", flat_jpeg(_channels("YCbCr", "221111"), JFIF, restart=5, interleaved=False)


def _grey_by_hand() -> Iterator[tuple[str, bytes]]:
    for factors in ("22", "14"):
        yield f"grey with factors {factors}", flat_jpeg(_channels("L", factors), JFIF, restart=2)


def _from_pillow() -> Iterator[tuple[str, bytes]]:
    yield "baseline", encoded(SCENE)
    yield "progressive", encoded(SCENE, progressive=True)
    yield "RGB", encoded(SCENE, keep_rgb=True)
    for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
        yield subsampling, encoded(SCENE, subsampling=subsampling)
    for orientation in STORED:
        yield f"orientation {orientation}", encoded(stored(SCENE, orientation), exif=exif(orientation))
    yield "little-endian orientation", encoded(stored(SCENE, 6), exif=exif(6, order="<"))
    yield "progressive and turned", encoded(stored(SCENE, 8), exif=exif(8), progressive=True)
    yield "comment and resolution", encoded(SCENE, comment=b"\xff\xd8", dpi=(0, 0))
    yield "further pictures", encoded(SCENE, "MPO", save_all=True, append_images=[scene(30, 40)])
    yield "preview in the metadata", encoded(SCENE, exif=b"Exif\0\0" + encoded(scene(16, 12)))
    yield "nothing after the pixels", encoded(SCENE).removesuffix(b"\xff\xd9")
    yield "video after the picture", encoded(SCENE) + b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 20
    for name, profile in profiles.WRONG.items():
        yield name, encoded(SCENE, icc_profile=profile)
    yield "profile for grey", encoded(SCENE, icc_profile=profiles.GREY)
    yield "profile for CMYK", encoded(SCENE, icc_profile=profiles.CMYK)
    for name, profile in profiles.RGB.items():
        yield name, encoded(profiles.in_space(SCENE, profile), icc_profile=profile, quality=95)
    yield "profile in several segments", encoded(SCENE, icc_profile=profiles.RGB["sRGB"] + bytes(200_000))


def pictures() -> dict[str, Sample]:
    """Return a file of each kind that imaging decodes."""
    grey, cmyk, blocks = SCENE.convert("L"), SCENE.convert("CMYK"), QUARTERS
    samples = {name: Sample(data, SCENE) for name, data in _from_pillow()}
    samples |= {name: Sample(data, blocks) for name, data in _written_by_hand()}
    samples |= {name: Sample(data, blocks.convert("L").convert("RGB")) for name, data in _grey_by_hand()}
    greys = {
        "grey": encoded(grey),
        "turned grey": encoded(stored(grey, 5), exif=exif(5)),
        "grey with a profile": encoded(profiles.in_space(grey, profiles.GREY), icc_profile=profiles.GREY, quality=95),
        "grey with a profile for RGB": encoded(grey, icc_profile=profiles.RGB["Display P3"]),
        "grey with half a profile": encoded(grey, icc_profile=profiles.GREY[:100]),
    }
    samples |= {name: Sample(data, grey.convert("RGB")) for name, data in greys.items()}
    inks = {
        "CMYK": encoded(cmyk),
        "turned CMYK": encoded(stored(cmyk, 7), exif=exif(7)),
        "CMYK with half a profile": encoded(cmyk, icc_profile=profiles.CMYK[:100]),
        "CMYK with a profile for RGB": encoded(cmyk, icc_profile=profiles.RGB["Adobe RGB"]),
    }
    samples |= {name: Sample(data, SCENE) for name, data in inks.items()}
    swapped = Image.merge("CMYK", [QUARTERS.convert("CMYK").split()[channel] for channel in (1, 0, 2, 3)])
    samples["CMYK with a profile"] = Sample(encoded(swapped, icc_profile=profiles.CMYK), QUARTERS)
    for size in [*SIZES, (65_500, 1)]:
        samples["{} x {}".format(*size)] = Sample(encoded(drawn(size), quality=95), drawn(size))
    large = scene(1603, 1207)
    samples["reduced by the decoder"] = Sample(encoded(large), large)
    samples["reduced and turned"] = Sample(encoded(stored(large, 6), exif=exif(6), progressive=True), large)
    return samples


def unreadable() -> dict[str, bytes]:
    """Return damaged files, and variants that neither browsers nor imaging support."""
    file = encoded(SCENE)
    return {
        "half": file[: len(file) // 2],
        "only a signature": b"\xff\xd8\xff",
        "no scan": file[: file.index(b"\xff\xda")] + b"\xff\xd9",
        "two components": flat_jpeg(_channels("YCbCr")[:2], JFIF),
        "twelve bits": flat_jpeg(_channels("YCbCr"), JFIF, frame=EXTENDED, precision=12),
        "lossless": flat_jpeg(_channels("YCbCr"), JFIF, frame=0xC3),
        "hierarchical": flat_jpeg(_channels("YCbCr"), JFIF, frame=0xC5),
        "fractional sampling": flat_jpeg(_channels("YCbCr", "312121"), JFIF),
        "no pixels": file.replace(struct.pack(">HH", *SCENE.size[::-1]), bytes(4), 1),
        "too many pixels": file.replace(struct.pack(">HH", *SCENE.size[::-1]), struct.pack(">HH", 12_000, 12_000), 1),
    }
