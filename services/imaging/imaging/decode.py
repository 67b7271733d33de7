"""Opens an untrusted picture and scales it to fit a box.

The content alone decides which decoder is used; no other decoder sees the file. The size is checked before any pixel
is decoded. Every exception that a decoder raises becomes an `UnreadableImageError`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from PIL import ExifTags, Image, ImageChops, ImageOps
from PIL.AvifImagePlugin import AvifImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from imaging import avif, gif, jpeg, png
from imaging.colours import eight_bit, to_srgb
from imaging.content_type import detect
from imaging.jpeg import Jpeg
from imaging.orientation import SWAPS_SIDES, UPRIGHT, read_orientation
from imaging.shot import Shot, read_shot
from imaging.stripped import Stripped

MAX_JPEG_SCANS = 100  # progressive JPEGs have about ten; each takes 80 ms at 100 megapixels

Box = tuple[float, float, float, float]

# A JPEG is decoded at 1/2, 1/4 or 1/8 of its size if that leaves at least this many times the result.
JPEG_HEADROOM = 1.5
# Other formats are averaged down to this many times the result before the slower, sharper filter.
REDUCING_GAP = 2.0


class UnreadableImageError(Exception):
    """The file can never be shown; the message tells its owner why, and what to do."""


EMPTY = "This file is empty. Upload it again, or choose another copy."
UNKNOWN = "This file is not a photo in a supported format. Upload a JPEG, PNG, WebP, GIF, AVIF or HEIC file."
TOO_LARGE = "{format} photos can have at most {most} megapixels. Make this photo smaller and upload it again."
DAMAGED = (
    "This {format} file is damaged, incomplete or in an unsupported variant of the format. Save it again with another"
    " program, or upload another copy."
)


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        image: upright, within the box, RGB or RGBA, in sRGB colours, without metadata.
        width: of the upright original, in pixels.
        height: of the upright original, in pixels.
        content_type: the detected type, for example `image/jpeg`.
        shot: what the file says about when and with which camera it was taken.
    """

    image: Image.Image
    width: int
    height: int
    content_type: str
    shot: Shot

    def on_white(self) -> Image.Image:
        """Return the image on a white background, without transparency."""
        if self.image.mode == "RGB":
            return self.image
        return Image.alpha_composite(Image.new("RGBA", self.image.size, "white"), self.image).convert("RGB")


def _open_heif(stream: BytesIO) -> ImageFile:
    import pillow_heif  # its libraries take 40 ms to load, and few photos are HEIF

    # Only the picture itself: an embedded preview may show something else.
    pillow_heif.options.THUMBNAILS = False
    pillow_heif.options.DEPTH_IMAGES = False
    pillow_heif.options.AUX_IMAGES = False
    return pillow_heif.HeifImageFile(stream)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Format:
    """How files of one format are decoded.

    Attributes:
        name: for messages.
        open: the decoder. `Image.open` would import more decoders and look for further pictures inside a JPEG.
        megapixels: the limit that fits into the functions' memory of 1,536 MiB; docs/operations.md lists the peaks.
        strip: removes metadata, for decoders that reject a file because of its metadata.
    """

    name: str
    open: Callable[[BytesIO], ImageFile]
    megapixels: int
    strip: Callable[[bytes], Stripped] = Stripped


FORMATS = {
    "image/jpeg": Format("JPEG", JpegImageFile, 100, jpeg.strip),
    "image/png": Format("PNG", PngImageFile, 100, png.strip),
    "image/gif": Format("GIF", GifImageFile, 100),
    "image/webp": Format("WebP", WebPImageFile, 65),
    "image/avif": Format("AVIF", AvifImageFile, 65, avif.strip),
    "image/heic": Format("HEIC", _open_heif, 65),
    "image/heif": Format("HEIF", _open_heif, 65),
}

# For WebP, whose decoder allocates the canvas on opening. Pillow raises an error above twice this limit.
Image.MAX_IMAGE_PIXELS = FORMATS["image/webp"].megapixels * 1_000_000 // 2


def decode(data: bytes, box: int) -> Picture:
    """Return the picture in a file, or its first frame, scaled down to at most `box` pixels wide and high.

    Raises:
        UnreadableImageError: the file is empty, of another type, damaged or incomplete, or has too many pixels.
    """
    if not data:
        raise UnreadableImageError(EMPTY)
    content_type = detect(data)
    if content_type is None:
        raise UnreadableImageError(UNKNOWN)
    file_format = FORMATS[content_type]
    stripped = file_format.strip(data)
    with _reading(file_format):
        if isinstance(stripped, Jpeg) and stripped.scans > MAX_JPEG_SCANS:
            raise OSError("too many scans")
        source = file_format.open(BytesIO(stripped.data))
        width, height = source.size
        if width * height > file_format.megapixels * 1_000_000:
            raise Image.DecompressionBombError
        size = _fit(width, height, box)
        source, part = _load(source, stripped, size)
        image = eight_bit(source)
        if isinstance(source, GifImageFile):
            image = gif.clear_around(image, source.dispose_extent)
    image = image.resize(size, Image.Resampling.LANCZOS, part, REDUCING_GAP)
    image = to_srgb(image, stripped.profile or source.info.get("icc_profile"))
    # AVIF and HEIF containers have an orientation of their own: Pillow puts it into the EXIF metadata; pillow_heif
    # turns the pixels and resets the metadata.
    exif = stripped.exif or source.info.get("exif") or b""
    orientation = read_orientation(exif)
    image.info.clear()
    if orientation != UPRIGHT:
        image.getexif()[ExifTags.Base.Orientation] = orientation
        ImageOps.exif_transpose(image, in_place=True)
    if orientation in SWAPS_SIDES:
        width, height = height, width
    return Picture(image, width, height, content_type, read_shot(stripped.hidden_exif or exif))


@contextmanager
def _reading(file_format: Format) -> Iterator[None]:
    """Turn any exception into an UnreadableImageError. Use it around decoders only."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata, which are not used
            yield
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(TOO_LARGE.format(format=file_format.name, most=file_format.megapixels)) from error
    except Exception as error:  # decoders raise almost anything, from IndexError to MemoryError
        raise UnreadableImageError(DAMAGED.format(format=file_format.name)) from error


def _fit(width: int, height: int, box: int) -> tuple[int, int]:
    """Return the largest size of the same shape within a box: never enlarged, at least one pixel."""
    scale = min(1, box / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _load(source: ImageFile, stripped: Stripped, size: tuple[int, int]) -> tuple[ImageFile, Box | None]:
    """Return the file with its pixels, and the part of them to show if the decoder has reduced them.

    Raises:
        Exception: pixels are missing.
    """
    if isinstance(stripped, Jpeg):
        box = _load_reduced(source, size)
        if not stripped.ends:
            other = JpegImageFile(BytesIO(stripped.data.removesuffix(jpeg.END_OF_IMAGE) + jpeg.FILLING))
            _load_reduced(other, size)
            if ImageChops.difference(source, other).getbbox():
                raise OSError("pixels are missing")
        return source, box
    try:
        source.load()
    except OSError:
        completed = png.complete(stripped.data) if isinstance(source, PngImageFile) else None
        if completed is None:
            raise
        source = PngImageFile(BytesIO(completed))
        source.load()
    return source, None


def _load_reduced(source: ImageFile, size: tuple[int, int]) -> Box | None:
    draft = source.draft(None, (int(size[0] * JPEG_HEADROOM), int(size[1] * JPEG_HEADROOM)))
    source.load()
    return draft and draft[1]
