"""AVIF files: what Pillow writes, and containers that it can only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from support.corpus import profiles
from support.corpus.containers import Item, box, coded, container, grid, size
from support.corpus.sample import SCENE, SIZES, STORED, Sample, drawn, on_white, stored, translucent
from support.photos import encoded, exif, scene

BRANDS = (b"avif", b"mif1", b"miaf")
CHROMAS = {
    "RGB": ("4:4:4", "4:2:2", "4:2:0"),
    "RGBA": ("4:4:4", "4:2:0"),
    "L": ("4:0:0", "4:4:4"),
    "LA": ("4:0:0", "4:4:4"),
}
FILES = Path(__file__).parents[2] / "pictures"
"""Those with 10 and 12 bits were encoded from the drawings in `sample` by libavif 1.4, because Pillow writes 8."""


def _written(picture: Image.Image, **options: object) -> bytes:
    return encoded(picture, "AVIF", **{"quality": 90, "speed": 8, **options})


def _modes() -> Iterator[tuple[str, Sample]]:
    grey = SCENE.convert("L")
    for picture in (SCENE, translucent(SCENE), grey, translucent(grey)):
        shown = on_white(picture)
        for chroma in CHROMAS[picture.mode]:
            yield f"{picture.mode}, {chroma}", Sample(_written(picture, subsampling=chroma), shown)
        yield f"{picture.mode}, limited range", Sample(_written(picture, range="limited"), shown)
    for name, picture in {
        "ten-bit": SCENE,
        "ten-bit-420": SCENE,
        "twelve-bit-422": SCENE,
        "ten-bit-grey": grey,
        "ten-bit-alpha": translucent(SCENE),
        "twelve-bit-grey-alpha": translucent(grey),
    }.items():
        yield name, Sample((FILES / f"{name}.avif").read_bytes(), on_white(picture))
    glass = translucent(SCENE)
    yield "premultiplied", Sample(_written(glass, alpha_premultiplied=True), on_white(glass))
    yield "best quality", Sample(_written(SCENE, quality=100), SCENE)
    hidden = Image.new("RGBA", SCENE.size)
    yield "fully transparent", Sample(_written(hidden), on_white(hidden))
    few = SCENE.quantize(16)
    yield "few colours", Sample(_written(few, subsampling="4:4:4"), few.convert("RGB"))


def _with_metadata() -> Iterator[tuple[str, Sample]]:
    glass, grey = translucent(SCENE), SCENE.convert("L")
    for orientation in STORED:
        yield f"orientation {orientation}", Sample(_written(stored(SCENE, orientation), exif=exif(orientation)), SCENE)
    yield "turned, alpha", Sample(_written(stored(glass, 5), exif=exif(5)), on_white(glass))
    for name, given in profiles.RGB.items():
        inside = profiles.in_space(SCENE, given)
        yield name, Sample(_written(inside, icc_profile=given), SCENE)
    wide = translucent(profiles.in_space(SCENE, profiles.RGB["Display P3"]))
    file = _written(wide, icc_profile=profiles.RGB["Display P3"])
    yield "alpha with a profile", Sample(file, on_white(glass))
    linear = profiles.in_space(grey, profiles.GREY)
    yield "grey with a profile", Sample(_written(linear, icc_profile=profiles.GREY), grey.convert("RGB"))
    file = _written(translucent(linear), icc_profile=profiles.GREY, subsampling="4:0:0")
    yield "grey and alpha with a profile", Sample(file, on_white(translucent(grey)))
    for name, given in profiles.UNUSABLE.items():
        yield name, Sample(_written(SCENE, icc_profile=given), SCENE)


def _containers() -> Iterator[tuple[str, Sample]]:
    others = [scene(*SCENE.size, seed=seed) for seed in (1, 2)]
    yield "animated", Sample(_written(SCENE, save_all=True, append_images=others), SCENE)
    glass = translucent(SCENE)
    frames = [translucent(other) for other in others]
    yield "animated, alpha", Sample(_written(glass, save_all=True, append_images=frames), on_white(glass))
    still = coded(_written(SCENE), b"av01")
    yield "written by hand", Sample(container([still], *BRANDS), SCENE)
    yield "codec named last", Sample(container([still], b"mif1", b"miaf", b"MA1B", b"avif"), SCENE)
    no_pixi = [each for each in still.properties if each[4:8] != b"pixi"]
    yield "no depths", Sample(container([Item(b"av01", still.data, no_pixi)], *BRANDS), SCENE)
    square = SCENE.resize((64, 64))
    tile = coded(_written(square), b"av01")
    shown = Image.new("RGB", (128, 128))
    for column in (0, 64):
        for row in (0, 64):
            shown.paste(square, (column, row))
    shown = shown.crop((0, 0, 120, 100))
    whole, *tiles = grid([tile] * 4, 2, 120, 100)
    yield "grid", Sample(container([whole, *tiles], *BRANDS), shown)
    sizes = [each for each in whole.properties if each[4:8] == b"ispe"]
    bare = Item(whole.kind, whole.data, sizes, whole.references)
    yield "grid without depths", Sample(container([bare, *tiles], *BRANDS), shown)
    contradiction = Item(b"Exif", bytes(4) + exif(6).removeprefix(b"Exif\0\0"), references={b"cdsc": [1]})
    yield "orientation only in EXIF", Sample(container([still, contradiction], *BRANDS), SCENE)
    for name, content in {"damaged EXIF": b"\xff\xff\xff\xff", "empty EXIF": b"\0\0\0\0"}.items():
        metadata = Item(b"Exif", content, references={b"cdsc": [1]})
        yield name, Sample(container([still, metadata], *BRANDS), SCENE)
    unknown = Item(b"av01", still.data, [*still.properties, box(b"none", bytes(4))])
    yield "unknown property", Sample(container([unknown], *BRANDS), SCENE)
    yield "data after the end", Sample(container([still], *BRANDS) + box(b"free", bytes(8)), SCENE)
    large = scene(300, 240)
    yield "tiles", Sample(_written(large, tile_rows=1, tile_cols=1), large)


def pictures() -> dict[str, Sample]:
    """Return a file of each kind that imaging decodes."""
    sizes = {"{} x {}".format(*side): Sample(_written(drawn(side)), drawn(side)) for side in SIZES}
    return dict(_modes()) | dict(_with_metadata()) | dict(_containers()) | sizes


def unreadable() -> dict[str, bytes]:
    """Return damaged files."""
    file = _written(SCENE)
    still = coded(file, b"av01")
    huge = Item(b"av01", still.data, [size(12_000, 12_000), *still.properties[1:]])
    return {
        "half": file[: len(file) // 2],
        "only a signature": file[:40],
        "no pixels": container([Item(b"av01", b"", still.properties)], *BRANDS),
        "no configuration": container([Item(b"av01", still.data, still.properties[:1])], *BRANDS),
        "no primary picture": container([still], *BRANDS, primary=9),
        "grid without tiles": container(grid([still], 1, 56, 48)[:1], *BRANDS),
        "too many pixels": container([huge], *BRANDS),
    }
