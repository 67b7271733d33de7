"""Both functions, from the event to the row, with files of every format, mode, depth, orientation and profile."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from PIL import Image

import annotate.handler
import thumbnail.handler
from catalog.database import Database
from catalog.keys import thumbnail_key
from support.catalog_rows import row
from support.corpus import avifs, gifs, heics, jpegs, pngs, webps
from support.corpus.sample import SCENE, Sample, on_white
from support.gemini_server import GeminiServer
from support.lambda_context import LambdaContext, event_of, fresh_process
from support.photos import difference, encoded
from support.uploads import put_upload

BUCKET = "photos"
FILES = Path(__file__).parents[2] / "pictures"


def real_files() -> dict[str, Sample]:
    """Return the files in tests/pictures."""
    files = {path.name: path for path in FILES.iterdir() if ".expected." not in path.name}
    expected = {name: path.with_suffix(".expected.png") for name, path in files.items()}
    return {
        name: Sample(path.read_bytes(), on_white(Image.open(expected[name])) if expected[name].exists() else None)
        for name, path in files.items()
    }


FORMATS = {"JPEG": jpegs, "PNG": pngs, "GIF": gifs, "WebP": webps, "AVIF": avifs, "HEIC": heics}
KINDS = {kind: cache(module.pictures) for kind, module in FORMATS.items()} | {"real": cache(real_files)}
OTHERS = {
    "empty": b"",
    "text": b"GET / HTTP/1.1\r\n",
    "video": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    **{kind: encoded(SCENE, kind) for kind in ("BMP", "TIFF", "ICO", "PPM", "PDF", "JPEG2000", "TGA")},
}

MOST_SENT = 768
JFIF = {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
"""What Pillow tells about a baseline JPEG without metadata."""
# Means of a channel's differences, 0 to 255. Both functions compress what they show. A profile that is ignored changes
# the scene by 19 or more, a wrong orientation by 80.
FROM_ORIGINAL = 10
FROM_EACH_OTHER = 8


@pytest.fixture(autouse=True)
def s3(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Configure new processes of both functions, without a Gemini key, and return a client of S3."""
    for name in ("GEMINI_API_KEY", "GEMINI_SECRET_ARN", "GEMINI_MODEL", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BUCKET_NAME", BUCKET)
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    with fresh_process(annotate.handler.describer, thumbnail.handler.thumbnailer):
        yield client


@pytest.fixture
def asked(s3: Any, gemini: GeminiServer, monkeypatch: pytest.MonkeyPatch) -> GeminiServer:
    """Configure a key, and return the Gemini server."""
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-the-key-of-the-tests")
    return gemini


def announce(photo: str) -> None:
    for handle in (thumbnail.handler.handle, annotate.handler.handle):
        handle(event_of(BUCKET, photo), LambdaContext())


def shown(s3: Any, photo: str) -> Image.Image:
    """Return the thumbnail of a photo on white."""
    body = s3.get_object(Bucket=BUCKET, Key=thumbnail_key(photo))["Body"].read()
    return on_white(Image.open(BytesIO(body)))


def fault_of(one: Image.Image, sent: Image.Image, original: Image.Image | None) -> str | None:
    """Return what is wrong with a thumbnail and with the picture that Gemini got; None if nothing is."""
    if (sent.format, sent.mode) != ("JPEG", "RGB") or max(sent.size) > MOST_SENT or sent.info.keys() - JFIF:
        return f"Gemini got a {sent.format}, {sent.mode}, {sent.size}, {sent.info.keys()}"
    apart = difference(one, sent.resize(one.size, Image.Resampling.LANCZOS))
    wrong = difference(one, original.resize(one.size, Image.Resampling.LANCZOS)) if original else 0
    if apart > FROM_EACH_OTHER or wrong > FROM_ORIGINAL:
        return f"the thumbnail differs by {apart:.1f} from what Gemini got, by {wrong:.1f} from the original"
    return None


def listed(faults: dict[str, str]) -> str:
    """Return all faults, which pytest would cut short."""
    return "\n".join(f"{name}: {fault}" for name, fault in faults.items())


@pytest.mark.parametrize("kind", KINDS)
def test_the_thumbnail_and_gemini_show_every_picture(
    kind: str, database: Database, s3: Any, asked: GeminiServer
) -> None:
    faults = {}
    for name, sample in KINDS[kind]().items():
        photo = put_upload(BUCKET, sample.data, s3=s3)
        announce(photo)
        image = row(database, photo)
        if (image.thumbnail_status, image.annotation_status) != ("ready", "ready"):
            faults[name] = f"{image.thumbnail_reason}, {image.annotation_reason}"
        elif sample.shown and (image.width, image.height) != sample.shown.size:
            faults[name] = f"{image.width} x {image.height} pixels"
        elif fault := fault_of(shown(s3, photo), asked.requests[-1].picture, sample.shown):
            faults[name] = fault
    assert not faults, listed(faults)
    assert len(asked.requests) == len(KINDS[kind]())


@pytest.mark.parametrize("kind", KINDS)
def test_the_offline_tagger_describes_every_picture(kind: str, database: Database, s3: Any) -> None:
    photos = {name: put_upload(BUCKET, sample.data, s3=s3) for name, sample in KINDS[kind]().items()}
    annotate.handler.handle(event_of(BUCKET, *photos.values()), LambdaContext())
    rows = {name: row(database, photo) for name, photo in photos.items()}
    faults = {name: str(image.annotation_reason) for name, image in rows.items() if not image.caption}
    assert not faults, listed(faults)


@pytest.mark.parametrize("kind", [*FORMATS, "others"])
def test_both_functions_reject_a_file_for_the_same_reason(
    kind: str, database: Database, s3: Any, asked: GeminiServer
) -> None:
    files = FORMATS[kind].unreadable() if kind in FORMATS else OTHERS
    faults = {}
    for name, data in files.items():
        photo = put_upload(BUCKET, data, s3=s3)
        announce(photo)
        image = row(database, photo)
        states = image.thumbnail_status, image.annotation_status
        if states != ("failed", "failed") or image.thumbnail_reason != image.annotation_reason:
            faults[name] = f"{states}, {image.thumbnail_reason}, {image.annotation_reason}"
    assert not faults, listed(faults)
    assert asked.requests == []


def test_transparent_pixels_are_white_for_the_offline_tagger(database: Database, s3: Any) -> None:
    photo = put_upload(BUCKET, encoded(Image.new("RGBA", (60, 40)), "PNG"))
    announce(photo)
    assert "white" in row(database, photo).tags
