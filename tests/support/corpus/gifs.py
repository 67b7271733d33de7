"""GIF files with any frames and colour tables. https://www.w3.org/Graphics/GIF/spec-gif89a.txt"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from support.corpus.sample import SCENE, SIZES, Sample, drawn, on_white, translucent
from support.photos import encoded, scene

_ROWS_OF_PASSES = ((0, 8), (4, 8), (2, 4), (1, 2))


@dataclass(frozen=True)
class Frame:
    """A picture of mode P and its place on the canvas.

    Attributes:
        picture: at most 256 colours.
        place: column and row of its first pixel.
        transparent: number of the transparent colour.
        disposal: what happens to the frame afterwards, 0 to 3.
        local: whether it has a colour table of its own.
        interlaced: whether its rows come in four passes.
    """

    picture: Image.Image
    place: tuple[int, int] = (0, 0)
    transparent: int | None = None
    disposal: int = 0
    local: bool = False
    interlaced: bool = False


def written(
    canvas: tuple[int, int],
    *frames: Frame,
    table: Image.Image | None = None,
    background: int = 0,
    version: bytes = b"89a",
    extensions: bytes = b"",
) -> bytes:
    """Return a GIF; `table` is the picture whose colours become the global colour table."""
    flags = 0x80 | _bits(table) - 1 if table else 0
    head = b"GIF" + version + struct.pack("<HHBBB", *canvas, flags, background, 0)
    return b"".join([head, _table(table) if table else b"", extensions, *map(_frame, frames), b";"])


def _bits(picture: Image.Image) -> int:
    colours = len(picture.getpalette() or ()) // 3
    return max(1, (colours - 1).bit_length())


def _table(picture: Image.Image) -> bytes:
    return bytes(picture.getpalette() or ()).ljust(3 * 2 ** _bits(picture), b"\0")


def _frame(frame: Frame) -> bytes:
    picture = frame.picture
    control = b""
    if frame.transparent is not None or frame.disposal:
        is_keyed = frame.transparent is not None
        control = b"!\xf9\4" + struct.pack("<BHBB", frame.disposal << 2 | is_keyed, 10, frame.transparent or 0, 0)
    flags = (0x80 | _bits(picture) - 1 if frame.local else 0) | frame.interlaced << 6
    head = b"," + struct.pack("<HHHHB", *frame.place, *picture.size, flags)
    pixels, width = picture.tobytes(), picture.width
    rows = [pixels[start : start + width] for start in range(0, len(pixels), width)]
    if frame.interlaced:
        rows = [row for first, step in _ROWS_OF_PASSES for row in rows[first::step]]
    return b"".join([control, head, _table(picture) if frame.local else b"", _coded(b"".join(rows), _bits(picture))])


def _coded(pixels: bytes, bits: int) -> bytes:
    """Return pixels as LZW codes that never refer to earlier ones: the code table is cleared before it grows."""
    bits = max(2, bits)
    clear, end = 2**bits, 2**bits + 1
    codes = []
    for start in range(0, len(pixels), clear - 2):
        codes += [clear, *pixels[start : start + clear - 2]]
    codes.append(end)
    stream = sum(code << place * (bits + 1) for place, code in enumerate(codes))
    data = stream.to_bytes(-(-len(codes) * (bits + 1) // 8), "little")
    blocks = [bytes([len(block)]) + block for block in (data[at : at + 255] for at in range(0, len(data), 255))]
    return bytes([bits]) + b"".join(blocks) + b"\0"


def _few(colours: int, picture: Image.Image = SCENE) -> Image.Image:
    return picture.quantize(colours)


def _keyed(picture: Image.Image, key: int) -> Image.Image:
    keyed = picture.copy()
    keyed.info["transparency"] = key
    return keyed


def _placed(picture: Image.Image, canvas: tuple[int, int], place: tuple[int, int]) -> Image.Image:
    shown = Image.new("RGB", canvas, "white")
    shown.paste(on_white(picture), place)
    return shown


def _still() -> Iterator[tuple[str, Sample]]:
    size = SCENE.size
    for colours in (2, 4, 16, 256):
        picture = _few(colours)
        yield f"{colours} colours", Sample(written(size, Frame(picture), table=picture), on_white(picture))
        key = picture.getpixel((0, 0))
        assert isinstance(key, int)
        file = written(size, Frame(picture, transparent=key), table=picture, background=key)
        yield f"{colours} colours, one transparent", Sample(file, on_white(_keyed(picture, key)))
    picture = _few(16)
    shown = on_white(picture)
    yield "87a", Sample(written(size, Frame(picture), table=picture, version=b"87a"), shown)
    yield "interlaced", Sample(written(size, Frame(picture, interlaced=True), table=picture), shown)
    yield "local colours", Sample(written(size, Frame(picture, local=True)), shown)
    yield "local and global colours", Sample(written(size, Frame(picture, local=True), table=_few(2)), shown)
    yield "local and interlaced", Sample(written(size, Frame(picture, local=True, interlaced=True)), shown)
    yield "background out of range", Sample(written(size, Frame(picture), table=picture, background=200), shown)
    file = written(size, Frame(picture, transparent=200), table=picture)
    yield "transparent colour out of range", Sample(file, shown)
    comment = b"!\xfe\5hello\0"
    yield "comment", Sample(written(size, Frame(picture), table=picture, extensions=comment), shown)
    loop = b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0"
    yield "loop", Sample(written(size, Frame(picture), table=picture, extensions=loop), shown)
    text = b"!\x01\x0c" + bytes(12) + b"\4text\0"
    yield "plain text", Sample(written(size, Frame(picture), table=picture, extensions=text), shown)
    file = written(size, Frame(picture), table=picture)
    yield "no end", Sample(file[:-1], shown)
    yield "data after the end", Sample(file + bytes(50), shown)
    grey = SCENE.convert("L")
    yield "grey", Sample(encoded(grey, "GIF"), grey.convert("RGB"))
    black = SCENE.convert("1")
    yield "black and white", Sample(encoded(black, "GIF"), black.convert("RGB"))
    for side in SIZES:
        small = _few(16, drawn(side))
        yield "{} x {}".format(*side), Sample(written(side, Frame(small), table=small), on_white(small))


def _frames() -> Iterator[tuple[str, Sample]]:
    """Yield animations, and single frames that do not cover the canvas."""
    size, picture = SCENE.size, _few(16)
    other = Frame(_few(16, scene(*size, seed=1)), local=True)
    key = picture.getpixel((0, 0))
    assert isinstance(key, int)
    for disposal in range(4):
        file = written(size, Frame(picture, disposal=disposal, transparent=key), other, table=picture)
        yield f"animated, disposal {disposal}", Sample(file, on_white(_keyed(picture, key)))
    file = written(size, Frame(picture, local=True, disposal=2), other)
    yield "animated, only local colours", Sample(file, on_white(picture))
    canvas, place = (72, 64), (9, 7)
    for name, frame in {
        "small frame": Frame(picture, place),
        "small interlaced frame": Frame(picture, place, interlaced=True, local=True),
    }.items():
        for more in ((), (other,)):
            file = written(canvas, frame, *more, table=picture, background=3)
            name_of_all = f"{name}, animated" if more else name
            yield name_of_all, Sample(file, _placed(picture, canvas, place))
    file = written(canvas, Frame(picture, place, transparent=key, disposal=2), other, table=picture, background=3)
    yield "small transparent frame", Sample(file, _placed(_keyed(picture, key), canvas, place))
    dot = picture.crop((0, 0, 1, 1))
    file = written(canvas, Frame(dot, place), other, table=picture)
    yield "frame of one pixel", Sample(file, _placed(dot, canvas, place))
    glass = translucent(SCENE)
    for name, options in {
        "translucent": {},
        "translucent, animated": {"save_all": True, "append_images": [SCENE]},
    }.items():
        keyed = SCENE.copy()
        keyed.putalpha(glass.getchannel("A").point(lambda level: 255 * (level > 127)))
        yield name, Sample(encoded(keyed, "GIF", **options), on_white(keyed))


def pictures() -> dict[str, Sample]:
    """Return a file of each kind that imaging decodes."""
    return dict(_still()) | dict(_frames())


def unreadable() -> dict[str, bytes]:
    """Return damaged files."""
    picture = _few(16)
    file = written(SCENE.size, Frame(picture), table=picture)
    return {
        "half": file[: len(file) // 2],
        "only a signature": file[:6],
        "no frame": written(SCENE.size, table=picture),
        "too many pixels": written((10_001, 10_000), Frame(picture), table=picture),
    }
