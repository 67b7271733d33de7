"""Open a picture that anybody may have sent, and scale it to fit a box.

Only the content tells what a file is, only the decoders named here ever see it, and its size is checked before any
pixel is decoded. Whatever a decoder makes of hostile bytes becomes an `UnreadableImageError`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageChops, ImageCms
from PIL.AvifImagePlugin import AvifImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from imaging import avif, jpeg, png
from imaging.jpeg import Jpeg
from imaging.orientation import read_orientation
from imaging.stripped import MAX_PROFILE_BYTES, Stripped

_FEW, _MANY = 65_000_000, 100_000_000
MAX_PIXELS = {
    "image/jpeg": _MANY,
    "image/png": _MANY,
    "image/gif": _MANY,
    "image/webp": _FEW,
    "image/avif": _FEW,
    "image/heic": _FEW,
    "image/heif": _FEW,
}
"""How many pixels fit into the functions' memory of 1,536 MiB: docs/operations.md has the measured peaks."""
MAX_JPEG_SCANS = 100  # progressive JPEGs have about ten; each one takes 80 ms at 100 megapixels

Box = tuple[float, float, float, float]

# A JPEG is decoded at 1/2, 1/4 or 1/8 of its size as long as that leaves this many times the result.
JPEG_HEADROOM = 1.5
# Other formats are averaged down to this many times the result before the slower, sharper filter.
REDUCING_GAP = 2.0

# WebP needs this: its decoder allocates the canvas on opening. Pillow refuses from twice its limit on.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS["image/webp"] // 2


class UnreadableImageError(Exception):
    """The file is no picture for us and never will be; the message tells people why, and what to do."""


EMPTY = "The file is empty. Upload it again, or choose another copy."
UNKNOWN = "This is not a picture in a format known here. Upload a JPEG, PNG, WebP, GIF, AVIF or HEIC file."
TOO_LARGE = "{format} pictures may have at most {most} megapixels. Make this one smaller and upload it again."
DAMAGED = (
    "The {format} file is damaged, incomplete or of a rare kind. Save it again with another program, or upload another"
    " copy."
)


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        image: upright, within the box, RGB or RGBA, in sRGB colours, without metadata.
        width: pixels of the upright original.
        height: pixels of the upright original.
        content_type: the type found inside the file, for example `image/jpeg`.
    """

    image: Image.Image
    width: int
    height: int
    content_type: str

    def on_white(self) -> Image.Image:
        """Return the image without transparency, on a white background."""
        if self.image.mode == "RGB":
            return self.image
        return Image.alpha_composite(Image.new("RGBA", self.image.size, "white"), self.image).convert("RGB")


def decode(data: bytes, box: int) -> Picture:
    """Return the picture in a file, or its first frame, scaled down to at most `box` pixels wide and high.

    Raises:
        UnreadableImageError: the file is empty, of another type, damaged or incomplete, or has too many pixels.
    """
    content_type = _content_type(data)
    stripped = _STRIP.get(content_type, Stripped)(data)
    if isinstance(stripped, Jpeg) and stripped.scans > MAX_JPEG_SCANS:
        raise UnreadableImageError(_damaged(content_type))
    with _reading(content_type):
        source = _DECODERS[content_type](BytesIO(stripped.data))
    width, height = source.size
    if width * height > MAX_PIXELS[content_type]:
        raise UnreadableImageError(_too_large(content_type))
    size = _fit(width, height, box)
    with _reading(content_type):
        source, part = _load(source, stripped, size)
        image = _resizable(source)
    image = image.resize(size, Image.Resampling.LANCZOS, part, REDUCING_GAP)
    image = _in_srgb(image, stripped.profile or source.info.get("icc_profile"))
    # Containers of AVIF and HEIF have an orientation of their own: Pillow puts it into the metadata, and pillow_heif
    # turns the pixels and clears the metadata.
    orientation = read_orientation(stripped.exif or source.info.get("exif") or b"")
    if orientation in _TURNS:
        image = image.transpose(_TURNS[orientation])
    if orientation >= _FIRST_QUARTER_TURN:
        width, height = height, width
    image.info.clear()
    return Picture(image, width, height, content_type)


_SIGNATURES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
# Brands of ISO/IEC 23008-12 and AVIF; `mif1` and `msf1` alone do not tell how the pixels are coded.
_BRANDS = dict.fromkeys((b"avif", b"avis"), "image/avif") | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "image/heic"
)
_ANY_CODING = (b"mif1", b"msf1")
_MAX_BRANDS_BYTES = 256


def _content_type(data: bytes) -> str:
    """Tell what a file is from its first bytes."""
    if not data:
        raise UnreadableImageError(EMPTY)
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
        if any(brand in _ANY_CODING for brand in brands):
            return "image/heif"
    raise UnreadableImageError(UNKNOWN)


def _open_heif(stream: BytesIO) -> ImageFile:
    import pillow_heif  # its libraries take 40 ms to load, and most pictures are something else

    # Only the picture itself: an embedded preview may show something else.
    pillow_heif.options.THUMBNAILS = False
    pillow_heif.options.DEPTH_IMAGES = False
    pillow_heif.options.AUX_IMAGES = False
    return pillow_heif.HeifImageFile(stream)  # type: ignore[no-untyped-call]


# Without `Image.open`, which would import more decoders and look for further pictures inside a JPEG.
_DECODERS: dict[str, Callable[[BytesIO], ImageFile]] = {
    "image/jpeg": JpegImageFile,
    "image/png": PngImageFile,
    "image/webp": WebPImageFile,
    "image/gif": GifImageFile,
    "image/avif": AvifImageFile,
    "image/heic": _open_heif,
    "image/heif": _open_heif,
}
CONTENT_TYPES = tuple(_DECODERS)
# These decoders reject a file because of its metadata.
_STRIP: dict[str, Callable[[bytes], Stripped]] = {
    "image/jpeg": jpeg.strip,
    "image/png": png.strip,
    "image/avif": avif.strip,
}


@contextmanager
def _reading(content_type: str) -> Iterator[None]:
    """Turn whatever a decoder makes of hostile bytes into an UnreadableImageError; nothing else belongs inside."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata that we do not use
            yield
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(_too_large(content_type)) from error
    except Exception as error:  # decoders raise nearly everything, from IndexError to MemoryError
        raise UnreadableImageError(_damaged(content_type)) from error


def _damaged(content_type: str) -> str:
    return DAMAGED.format(format=_name(content_type))


def _too_large(content_type: str) -> str:
    return TOO_LARGE.format(format=_name(content_type), most=MAX_PIXELS[content_type] // 1_000_000)


def _name(content_type: str) -> str:
    return "WebP" if content_type == "image/webp" else content_type.removeprefix("image/").upper()


def _fit(width: int, height: int, box: int) -> tuple[int, int]:
    """Return the largest size of the same shape within a box; never enlarged, never without a pixel."""
    scale = min(1, box / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _headroom(size: tuple[int, int]) -> tuple[int, int]:
    return int(size[0] * JPEG_HEADROOM), int(size[1] * JPEG_HEADROOM)


def _load(source: ImageFile, stripped: Stripped, size: tuple[int, int]) -> tuple[ImageFile, Box | None]:
    """Return the file with its pixels, and the part of them to show if its decoder has reduced them.

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
    draft = source.draft(None, _headroom(size))
    source.load()
    return draft and draft[1]


def _resizable(source: ImageFile) -> Image.Image:
    """Return the loaded picture with 8-bit channels that can be averaged: L, LA, RGB, RGBA or CMYK."""
    if source.mode.startswith("I"):  # 16-bit grey, which `convert` would clip instead of scale
        grey = source.point(lambda value: value * (1 / 256)).convert("L")
        return _without(source.info.get("transparency"), source, grey)
    if source.mode in ("1", "L"):
        return _without(source.info.get("transparency"), source, source.convert("L"))
    mode = source.mode if source.mode in ("L", "LA", "RGB", "RGBA", "CMYK") else "RGB"
    if source.has_transparency_data and mode not in ("LA", "RGBA"):  # a palette's, or one colour named transparent
        mode = "RGBA"
    return source if mode == source.mode else source.convert(mode)


def _without(key: object, source: Image.Image, grey: Image.Image) -> Image.Image:
    """Make those pixels of a grey picture transparent whose source has the value `key`."""
    if isinstance(key, int):
        deep = source.mode.startswith("I")
        samples = source.convert("I") if deep else grey
        grey.putalpha(samples.point([255 * (value != key) for value in range(2**16 if deep else 2**8)], "L"))
    return grey


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return an RGB or RGBA picture as browsers show it, which take colours without a profile for sRGB."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image.convert(image.mode.removesuffix("A")) if alpha else image  # the transformation knows no LA
    converted = None
    if profile and len(profile) <= MAX_PROFILE_BYTES:
        with suppress(ImageCms.PyCMSError, OSError):  # damaged, or of another kind of picture: browsers ignore it, too
            given = ImageCms.ImageCmsProfile(BytesIO(profile))
            transform = ImageCms.buildTransform(given, ImageCms.createProfile("sRGB"), colours.mode, "RGB")
            converted = transform.apply(colours)
    colours = converted or colours.convert("RGB")
    if alpha:
        colours.putalpha(alpha)
    return colours


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FIRST_QUARTER_TURN = 5  # from here on width and height change places
