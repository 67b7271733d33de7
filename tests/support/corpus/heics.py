"""HEIC files: what pillow-heif writes, and containers that it can only read."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import pillow_heif
import pytest
from PIL import Image

from support.corpus import profiles
from support.corpus.containers import Item, box, coded, container, crop, full_box, grid, size
from support.corpus.sample import SCENE, SIZES, STORED, Sample, drawn, on_white, stored, translucent
from support.photos import encoded, exif, scene

BRANDS = (b"heic", b"mif1", b"heic")


def deep(picture: Image.Image, bits: int, **options: object) -> bytes:
    """Return a picture with 10 or 12 bits per sample."""
    samples = [level * 257 for level in picture.tobytes()]
    file = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pillow_heif.options, "SAVE_HDR_TO_12_BIT", bits == 12)
        data = struct.pack(f"<{len(samples)}H", *samples)
        pillow_heif.encode(f"{picture.mode};16", picture.size, data, file, quality=90, **options)
    return file.getvalue()


def several(*pictures: Image.Image, primary: int = 0) -> bytes:
    """Return a file of several pictures."""
    file, images = io.BytesIO(), pillow_heif.HeifFile()  # type: ignore[no-untyped-call]
    for picture in pictures:
        images.add_from_pillow(picture)
    images.save(file, primary_index=primary, quality=90)
    return file.getvalue()


def _modes() -> Iterator[tuple[str, Sample]]:
    for picture in (SCENE, translucent(SCENE), SCENE.convert("L"), translucent(SCENE.convert("L"))):
        shown = on_white(picture)
        chromas = ("4:4:4", "4:2:2", "4:2:0") if picture.mode == "RGB" else ("4:2:0",)
        for chroma in chromas:
            name = f"{picture.mode}, {chroma}"
            yield f"{name}, 8 bits", Sample(encoded(picture, "HEIF", subsampling=chroma, quality=90), shown)
            for bits in (10, 12):
                yield f"{name}, {bits} bits", Sample(deep(picture, bits, subsampling=chroma), shown)
    yield "lossless", Sample(encoded(SCENE, "HEIF", quality=-1, chroma=444, matrix_coefficients=0), SCENE)
    yield "limited range", Sample(encoded(SCENE, "HEIF", quality=90, full_range_flag=0), SCENE)
    yield "no nclx", Sample(encoded(SCENE, "HEIF", quality=90, save_nclx_profile=False), SCENE)
    hidden = Image.new("RGBA", SCENE.size)
    yield "fully transparent", Sample(encoded(hidden, "HEIF"), on_white(hidden))
    few = SCENE.quantize(16)
    yield "few colours", Sample(encoded(few, "HEIF", quality=90), few.convert("RGB"))


def _with_metadata() -> Iterator[tuple[str, Sample]]:
    glass, grey = translucent(SCENE), SCENE.convert("L")
    for orientation in STORED:
        turned = stored(SCENE, orientation)
        yield f"orientation {orientation}", Sample(encoded(turned, "HEIF", exif=exif(orientation), quality=90), SCENE)
    turned = stored(glass, 7)
    yield "turned, alpha", Sample(encoded(turned, "HEIF", exif=exif(7), quality=90), on_white(glass))
    yield "turned, 10 bits", Sample(deep(stored(grey, 6), 10, exif=exif(6)), grey.convert("RGB"))
    for name, given in profiles.RGB.items():
        inside = profiles.in_space(SCENE, given)
        yield name, Sample(encoded(inside, "HEIF", icc_profile=given, quality=90), SCENE)
    wide = profiles.in_space(SCENE, profiles.RGB["Display P3"])
    yield "profile, 10 bits", Sample(deep(wide, 10, icc_profile=profiles.RGB["Display P3"]), SCENE)
    file = encoded(translucent(wide), "HEIF", icc_profile=profiles.RGB["Display P3"], quality=90)
    yield "alpha with a profile", Sample(file, on_white(glass))
    linear = profiles.in_space(grey, profiles.GREY)
    file = encoded(linear, "HEIF", icc_profile=profiles.GREY, quality=95)
    yield "grey with a profile", Sample(file, grey.convert("RGB"))
    yield "grey with a profile, 10 bits", Sample(deep(linear, 10, icc_profile=profiles.GREY), grey.convert("RGB"))
    file = encoded(translucent(linear), "HEIF", icc_profile=profiles.GREY, quality=95)
    yield "grey and alpha with a profile", Sample(file, on_white(translucent(grey)))
    for name, given in profiles.UNUSABLE.items():
        yield name, Sample(encoded(SCENE, "HEIF", icc_profile=given, quality=90), SCENE)


def _containers() -> Iterator[tuple[str, Sample]]:
    other = scene(*SCENE.size, seed=1)
    yield "two pictures", Sample(several(SCENE, other), SCENE)
    yield "two pictures, the second is primary", Sample(several(other, SCENE, primary=1), SCENE)
    yield "two sizes", Sample(several(scene(30, 40), SCENE, primary=1), SCENE)
    yield "with alpha, then without", Sample(several(translucent(SCENE), other), on_white(translucent(SCENE)))
    large = scene(200, 180)
    yield "grid", Sample(encoded(large, "HEIF", tile_size=64, quality=90), large)
    turned = encoded(stored(large, 6), "HEIF", tile_size=64, exif=exif(6), quality=90)
    yield "turned grid", Sample(turned, large)
    still = coded(encoded(SCENE, "HEIF", quality=90), b"hvc1")
    yield "written by hand", Sample(container([still], *BRANDS), SCENE)
    yield "codec not named", Sample(container([still], b"mif1", b"mif1", b"miaf"), SCENE)
    yield "codec named last", Sample(container([still], b"mif1", b"miaf", b"MiHB", b"heic"), SCENE)
    no_pixi = [each for each in still.properties if each[4:8] != b"pixi"]
    yield "no depths", Sample(container([Item(b"hvc1", still.data, no_pixi)], *BRANDS), SCENE)
    wrong = [each if each[4:8] != b"pixi" else full_box(b"pixi", b"\1\x08") for each in still.properties]
    yield "depth of one channel", Sample(container([Item(b"hvc1", still.data, wrong)], *BRANDS), SCENE)
    square = SCENE.resize((64, 64))
    tile = coded(encoded(square, "HEIF", quality=90), b"hvc1")
    middle = Item(b"hvc1", tile.data, [*tile.properties, crop(40, 32)])
    yield "cropped", Sample(container([middle], *BRANDS), square.crop((12, 16, 52, 48)))
    shown = Image.new("RGB", (128, 64))
    for column in (0, 64):
        shown.paste(square, (column, 0))
    tiles = grid([tile, tile], 2, 120, 60)
    yield "cut grid", Sample(container(tiles, *BRANDS), shown.crop((0, 0, 120, 60)))
    contradiction = Item(b"Exif", bytes(4) + exif(6).removeprefix(b"Exif\0\0"), references={b"cdsc": [1]})
    yield "orientation only in EXIF", Sample(container([still, contradiction], *BRANDS), SCENE)
    damaged = Item(b"Exif", b"\xff\xff\xff\xff", references={b"cdsc": [1]})
    yield "damaged EXIF", Sample(container([still, damaged], *BRANDS), SCENE)
    empty = Item(b"Exif", b"", references={b"cdsc": [1]})
    yield "empty EXIF", Sample(container([still, empty], *BRANDS), SCENE)
    preview = coded(encoded(scene(28, 24, seed=1), "HEIF"), b"hvc1")
    smaller = Item(b"hvc1", preview.data, preview.properties, {b"thmb": [1]})
    yield "preview", Sample(container([still, smaller], *BRANDS), SCENE)
    unknown = Item(b"hvc1", still.data, [*still.properties, box(b"none", bytes(4))])
    yield "unknown property", Sample(container([unknown], *BRANDS), SCENE)
    yield "data after the end", Sample(container([still], *BRANDS) + box(b"free", bytes(8)), SCENE)


def pictures() -> dict[str, Sample]:
    """Return a file of each kind that imaging decodes."""
    sizes = {"{} x {}".format(*side): Sample(encoded(drawn(side), "HEIF", quality=90), drawn(side)) for side in SIZES}
    return dict(_modes()) | dict(_with_metadata()) | dict(_containers()) | sizes


def unreadable() -> dict[str, bytes]:
    """Return damaged files, and one whose codec is not supported."""
    file = encoded(SCENE, "HEIF")
    still = coded(file, b"hvc1")
    configuration = [each for each in still.properties if each[4:8] == b"hvcC"]
    huge = Item(b"hvc1", still.data, [size(12_000, 12_000), *configuration])
    return {
        "half": file[: len(file) // 2],
        "only a signature": file[:40],
        "no pixels": container([Item(b"hvc1", b"", still.properties)], *BRANDS),
        "no configuration": container([Item(b"hvc1", still.data, [size(56, 48)])], *BRANDS),
        "unknown codec": container([Item(b"jpeg", still.data, still.properties)], b"mif1", b"mif1"),
        "no primary picture": container([still], *BRANDS, primary=9),
        "grid without tiles": container(grid([still], 1, 56, 48)[:1], *BRANDS),
        "too many pixels": container([huge], *BRANDS),
    }
