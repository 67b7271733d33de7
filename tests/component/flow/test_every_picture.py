"""Both functions, from the event to the row, with every image format and mode that people upload."""

from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from PIL import Image

import annotate.handler
import thumbnail.handler
from catalog import images
from catalog.database import Database
from support.catalog_rows import row
from support.gemini_server import GeminiServer
from support.lambda_context import LambdaContext, event_of, fresh_process
from support.photos import encoded, scene
from support.uploads import put_upload

BUCKET = "photos"
PICTURES = Path(__file__).parents[2] / "pictures"


def in_mode(mode: str, size: tuple[int, int] = (120, 80)) -> Image.Image:
    """Draw a picture; if the mode supports transparency, half of its pixels are transparent."""
    picture = scene(*size)
    mask = Image.linear_gradient("L").resize(size)
    if mode == "I;16":
        return picture.convert("I").point(lambda value: value * 256).convert("I;16")
    if mode == "P with alpha":
        transparent = picture.quantize(16)
        transparent.info["transparency"] = bytes(range(0, 256, 16))
        return transparent
    if mode in ("LA", "RGBA"):
        picture = picture.convert(mode.removesuffix("A"))
        picture.putalpha(mask)
        return picture
    return picture.convert(mode)


MODES = {
    "PNG": ["1", "L", "LA", "P", "P with alpha", "RGB", "RGBA", "I;16"],
    "JPEG": ["L", "RGB", "CMYK"],
    "WEBP": ["RGB", "RGBA"],
    "GIF": ["L", "P", "RGBA"],
    "AVIF": ["L", "LA", "RGB", "RGBA"],
    "HEIF": ["L", "LA", "RGB", "RGBA"],
}
SIZES = [(1, 1), (1, 2), (3, 1), (1, 900), (900, 1), (7, 5), (2000, 20)]


def every_picture() -> dict[str, bytes]:
    """Return a file of each format in each mode, files of odd sizes, and the files in tests/pictures."""
    modes = {f"{kind} {mode}": encoded(in_mode(mode), kind) for kind, modes in MODES.items() for mode in modes}
    keys = {
        f"PNG {mode} with a transparent colour": encoded(in_mode(mode), "PNG", transparency=key)
        for mode, key in {"1": 1, "L": 90, "RGB": (90, 90, 90), "I;16": 90}.items()
    }
    sizes = {
        f"{kind} of {width} x {height}": encoded(in_mode("RGBA" if kind == "PNG" else "RGB", (width, height)), kind)
        for kind in ("PNG", "JPEG", "WEBP")
        for width, height in SIZES
    }
    blank = {
        "fully transparent": encoded(Image.new("RGBA", (60, 40)), "PNG"),
        "black": encoded(Image.new("RGB", (60, 40)), "PNG"),
        "white": encoded(Image.new("L", (60, 40), 255), "JPEG"),
    }
    files = {path.name: path.read_bytes() for path in PICTURES.iterdir() if ".expected." not in path.name}
    return modes | keys | sizes | blank | files


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    return every_picture()


@pytest.fixture(autouse=True)
def functions(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Configure new processes of both functions, without a Gemini key."""
    for name in ("GEMINI_API_KEY", "GEMINI_SECRET_ARN", "GEMINI_MODEL", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BUCKET_NAME", BUCKET)
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    with fresh_process(annotate.handler.describer, thumbnail.handler.thumbnailer):
        yield


def outcomes(
    database: Database, handle: Callable[..., None], pictures: dict[str, bytes]
) -> Iterator[tuple[str, images.Image]]:
    """Upload and announce each picture; yield its name and row."""
    for name, data in pictures.items():
        photo = put_upload(BUCKET, data)
        handle(event_of(BUCKET, photo), LambdaContext())
        yield name, row(database, photo)


def test_every_picture_gets_a_thumbnail(database: Database, pictures: dict[str, bytes]) -> None:
    found = outcomes(database, thumbnail.handler.handle, pictures)
    assert {name: image.thumbnail_reason for name, image in found if image.thumbnail_status != "ready"} == {}


def test_the_offline_tagger_annotates_every_picture(database: Database, pictures: dict[str, bytes]) -> None:
    found = outcomes(database, annotate.handler.handle, pictures)
    assert {name: image.annotation_reason for name, image in found if not image.caption} == {}


def test_gemini_annotates_every_picture(
    database: Database, pictures: dict[str, bytes], gemini: GeminiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-the-key-of-the-tests")
    found = outcomes(database, annotate.handler.handle, pictures)
    assert {name: image.annotation_reason for name, image in found if not image.caption} == {}
    assert len(gemini.requests) == len(pictures)


def test_transparent_pixels_are_white_for_the_annotator(database: Database) -> None:
    (_, image), *_ = outcomes(
        database, annotate.handler.handle, {"transparent": encoded(Image.new("RGBA", (60, 40)), "PNG")}
    )
    assert "white" in image.tags
