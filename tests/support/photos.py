"""Photos drawn in memory for tests."""

import io
import math
import os
import random
import struct
import zlib

import pillow_heif
from PIL import ExifTags, Image, ImageChops, ImageCms, ImageDraw, ImageFilter, ImageStat


def scene(width: int = 640, height: int = 480, seed: int = 0) -> Image.Image:
    """Draw coloured discs on a gradient: textured like a photo, and different for each seed."""
    dice = random.Random(seed)
    picture = Image.linear_gradient("L").resize((width, height))
    picture = Image.merge("RGB", (picture, picture.point(lambda v: 255 - v // 2), Image.new("L", picture.size, 220)))
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y, r = dice.randrange(width), dice.randrange(height), dice.randrange(8, max(9, width // 6))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(dice.randrange(256) for _ in range(3)))
    return picture


def fence() -> Image.Image:
    """Draw a white picket fence between grass and sky."""
    picture = Image.new("RGB", (400, 400), (110, 170, 90))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 400, 160), fill=(120, 180, 240))
    for x in range(0, 400, 40):
        points = [(x, 130), (x + 14, 105), (x + 28, 130), (x + 28, 350), (x, 350)]
        draw.polygon(points, fill="white", outline=(150, 150, 150))
    draw.rectangle((0, 170, 400, 190), fill=(240, 240, 240))
    draw.rectangle((0, 290, 400, 310), fill=(240, 240, 240))
    return picture


def clock() -> Image.Image:
    """Draw a round clock on a wall."""
    picture = Image.new("RGB", (400, 400), (200, 190, 170))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((40, 40, 360, 360), fill="white", outline="black", width=14)
    for minute in range(60):
        x, y = math.sin(minute * math.tau / 60), -math.cos(minute * math.tau / 60)
        inner = 148 if minute % 5 else 120
        draw.line((200 + inner * x, 200 + inner * y, 200 + 153 * x, 200 + 153 * y), fill="black", width=3)
    draw.line((200, 200, 270, 130), fill="black", width=9)
    draw.line((200, 200, 200, 80), fill="black", width=6)
    return picture


def forest() -> Image.Image:
    """Draw the trunks of a forest, the near ones wider and darker, between leaves and undergrowth."""
    dice = random.Random(0)
    picture = Image.new("RGB", (400, 400), (170, 195, 140))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 300, 400, 400), fill=(95, 90, 50))
    for nearness, x in sorted((dice.random(), dice.randrange(400)) for _ in range(60)):
        radius, darkness = 2 + int(13 * nearness**2), nearness * 3 / 4
        colour = tuple(round(far + (near - far) * darkness) for far, near in ((150, 45), (160, 35), (125, 25)))
        draw.rectangle((x - radius, 0, x + radius, 290 + int(70 * nearness)), fill=colour)
    for _ in range(600):
        above, below = int(abs(dice.gauss(0, 90))), 280 + int(abs(dice.gauss(0, 60)))
        for y, green in ((above, dice.randrange(60, 170)), (below, dice.randrange(40, 130))):
            x, radius = dice.randrange(400), dice.randrange(2, 7)
            draw.ellipse(
                (x - radius, y - radius / 2, x + radius, y + radius / 2), fill=(green * 2 // 3, green, green // 3)
            )
    return picture.filter(ImageFilter.GaussianBlur(2))


def people(count: int, size: int = 240) -> Image.Image:
    """Draw the heads and shoulders of people, side by side before a grey wall. Each is `size` pixels wide."""
    picture = Image.new("RGB", (size * count, size * 5 // 4), (150, 160, 165))
    for number in range(count):
        picture.paste(_person().resize((size, size * 5 // 4), Image.Resampling.BOX), (number * size, 0))
    return picture


def _person() -> Image.Image:
    """Draw the head and the shoulders of a person, softly lit from the left, 480x600 pixels."""
    picture = Image.new("RGB", (480, 600), (150, 160, 165))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((60, 440, 420, 800), fill=(60, 70, 110))
    draw.rectangle((205, 380, 275, 470), fill=(190, 140, 115))
    draw.ellipse((135, 120, 345, 400), fill=(70, 45, 30))
    draw.ellipse((150, 150, 330, 420), fill=(222, 175, 148))
    draw.chord((145, 110, 335, 290), 180, 360, fill=(70, 45, 30))
    for x in (200, 280):
        draw.arc((x - 32, 236, x + 32, 276), 205, 335, fill=(80, 50, 35), width=8)
        draw.ellipse((x - 22, 262, x + 22, 286), fill=(245, 240, 235))
        draw.ellipse((x - 11, 262, x + 11, 284), fill=(60, 40, 30))
        draw.arc((x - 24, 258, x + 24, 292), 190, 350, fill=(70, 45, 35), width=5)
    draw.polygon([(240, 280), (222, 335), (258, 335)], fill=(208, 158, 132))
    draw.arc((218, 318, 262, 344), 20, 160, fill=(150, 100, 80), width=5)
    draw.chord((202, 352, 278, 386), 0, 180, fill=(185, 85, 85))
    draw.chord((202, 356, 278, 378), 180, 360, fill=(170, 75, 78))
    shade = Image.linear_gradient("L").rotate(90).resize(picture.size).point(lambda v: 255 - v // 3)
    lit = ImageChops.multiply(picture, Image.merge("RGB", (shade, shade, shade)))
    return lit.filter(ImageFilter.GaussianBlur(4))


def textured(picture: Image.Image) -> Image.Image:
    """Add the noise of a camera to a drawing."""
    noise = Image.frombytes("RGB", picture.size, random.Random(0).randbytes(picture.width * picture.height * 3))
    return Image.blend(picture, noise, 0.04)


def encoded(picture: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """Return a picture as a file."""
    buffer = io.BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(picture).save(buffer, **options)
    else:
        picture.save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg(width: int = 640, height: int = 480, seed: int = 0, **options: object) -> bytes:
    """Return a scene as a JPEG file."""
    return encoded(scene(width, height, seed), "JPEG", **options)


def noise(size: int, width: int = 640, height: int = 480) -> bytes:
    """Return a PNG file of exactly `size` bytes that cannot be compressed; zeros follow its end."""
    data = encoded(Image.frombytes("RGB", (width, height), os.urandom(width * height * 3)), "PNG", compress_level=0)
    return data + b"\0" * (size - len(data))


def png(width: int, height: int, depth: int, colour: int, coded: bytes, *chunks: bytes, interlaced: int = 0) -> bytes:
    """Return a PNG file of zlib-coded pixels; `chunks` precede them. `colour` is the standard's number of a type."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))
    pixels = png_chunk(b"IDAT", coded)
    return b"".join([b"\x89PNG\r\n\x1a\n", header, *chunks, pixels, png_chunk(b"IEND", b"")])


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG file, with the right checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def decompression_bomb(width: int = 12_000, height: int = 12_000) -> bytes:
    """Return a PNG of some kilobytes that decompresses to black pixels."""
    row = b"\0" * (1 + width * 3)
    deflate = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    compressed = deflate.compress(row) + deflate.flush(zlib.Z_FULL_FLUSH)  # needs no earlier row: it can be repeated
    checksum = struct.pack(">HH", len(row) * height % 65521, 1)  # Adler-32 of zeros, RFC 1950
    return png(width, height, 8, 2, b"\x78\xda" + compressed * height + deflate.flush() + checksum)


def exif(orientation: int, *entries: bytes, order: str = ">") -> bytes:
    """Return EXIF metadata: other entries, then the orientation. `order` is a byte order of `struct`."""
    directory = [*entries, struct.pack(f"{order}HHIHH", ExifTags.Base.Orientation, 3, 1, orientation, 0)]
    mark = struct.pack(f"{order}2sHI", b"MM" if order == ">" else b"II", 42, 8)
    return b"".join([b"Exif\0\0", mark, struct.pack(f"{order}H", len(directory)), *directory, b"\0\0\0\0"])


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SWAPPED_PROFILE = SRGB.replace(b"rXYZ", b"?XYZ").replace(b"gXYZ", b"rXYZ").replace(b"?XYZ", b"gXYZ")
"""A colour profile in which sRGB's red and green are exchanged (ICC.1, 7.3)."""


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return how much two pictures of the same size differ on white and on black: a channel's mean, 0 to 255."""
    assert one.size == other.size
    differences = []
    for background in ("white", "black"):
        ground = Image.new("RGBA", one.size, background)
        shown = [Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB") for image in (one, other)]
        differences += ImageStat.Stat(ImageChops.difference(*shown)).mean
    return max(differences)
