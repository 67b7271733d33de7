"""Uploads of pictures with unusual names, extensions and formats, and of files that are not pictures."""

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, expect

from imaging.decode import UNKNOWN, UnreadableImageError, decode
from support import photos
from support.gallery_client import GalleryClient

WAIT_MS = 30_000


def frames(kind: str) -> bytes:
    """Return a file with two pictures, such as an animation or a stereo photo."""
    buffer = io.BytesIO()
    photos.scene(64, 48).save(buffer, kind, save_all=True, append_images=[photos.scene(64, 48, seed=1)])
    return buffer.getvalue()


JPEG = photos.jpeg(64, 48)
PICTURES: dict[str, tuple[bytes, str]] = {
    "no ending": (JPEG, "image/jpeg"),
    "DSC01234.HIF": (JPEG, "image/jpeg"),
    "EaXyZ.jpg_large": (JPEG, "image/jpeg"),
    "holiday.txt": (JPEG, "image/jpeg"),
    "renamed.png": (JPEG, "image/jpeg"),
    "two dots.": (JPEG, "image/jpeg"),
    "DSCF0001.mpo": (frames("MPO"), "image/jpeg"),
    "spinner.apng": (frames("PNG"), "image/png"),
    "burst.heics": (photos.encoded(photos.scene(64, 48), "HEIF"), "image/heic"),
    "IMG_0001.JPG": (photos.encoded(photos.scene(64, 48), "HEIF"), "image/heic"),
    "download.bin": (photos.encoded(photos.scene(64, 48), "AVIF"), "image/avif"),
    "sticker.exe": (photos.encoded(photos.scene(64, 48), "WEBP"), "image/webp"),
    "meme.mp4": (frames("GIF"), "image/gif"),
}
OTHERS = {
    "notes.jpg": b"just words",
    "report.jpg": b"%PDF-1.7\n",
    "page.png": b"<!doctype html><title>Not found</title>",
    "scan.tif": b"II*\0\x08\0\0\0",
    "logo.svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "clip.heic": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
    "sound.webp": b"RIFF\x24\0\0\0WAVEfmt ",
    "short.jpg": b"\xff\xd8",
}


@pytest.fixture
def files(tmp_path: Path) -> Any:
    """Return a function that writes files and returns their paths."""

    def write(contents: dict[str, bytes]) -> list[Path]:
        for name, data in contents.items():
            (tmp_path / name).write_bytes(data)
        return [tmp_path / name for name in contents]

    return write


def test_pictures_are_uploaded_whatever_their_name(page: Page, gallery: GalleryClient, files: Any) -> None:
    declared = {}
    page.on("request", lambda sent: declared.update(_declared(sent)))
    page.goto(gallery.url)
    page.get_by_label("Photos to add").set_input_files(files({name: data for name, (data, _) in PICTURES.items()}))
    for name in PICTURES:
        card = page.locator("li.card").filter(has_text=f"Retry: {name}").first
        expect(card).to_have_attribute("data-thumbnail", "ready", timeout=WAIT_MS)
        image = gallery.image(card.get_attribute("data-id") or "")
        assert image is not None
        assert (image["filename"], image["content_type"]) == (name, PICTURES[name][1])
    assert declared == {name: content_type for name, (_, content_type) in PICTURES.items()}


def _declared(sent: Any) -> dict[str, str]:
    if not sent.url.endswith("/api/uploads"):
        return {}
    wanted = sent.post_data_json
    return {wanted["filename"]: wanted["content_type"]}


def test_other_files_are_rejected_before_upload(page: Page, gallery: GalleryClient, files: Any) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.goto(gallery.url)
    page.get_by_label("Photos to add").set_input_files(files(OTHERS))
    problems = page.locator("#problems li")
    expect(problems).to_have_text([f"{name} is not a JPEG, PNG, WebP, GIF, AVIF or HEIC picture." for name in OTHERS])
    assert sent == []


def test_pictures_are_uploaded_when_other_files_are_rejected(page: Page, gallery: GalleryClient, files: Any) -> None:
    page.goto(gallery.url)
    page.get_by_label("Photos to add").set_input_files(files({"letter.jpg": b"Dear all", "letter": JPEG}))
    expect(page.locator("#problems li")).to_have_count(1)
    card = page.locator("li.card").filter(has_text="Retry: letter").first
    expect(card).to_have_attribute("data-thumbnail", "ready", timeout=WAIT_MS)


BRANDS = st.sampled_from([b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"mp42", b"isom", b"miaf"])
HEADS = st.one_of(
    st.binary(max_size=20),
    st.builds(
        lambda size, brands, cut: (size.to_bytes(4) + b"ftyp" + brands[0] + bytes(4) + b"".join(brands[1:]))[:cut],
        st.sampled_from([0, 1, 8, 16, 20, 24, 28, 300, 2**32 - 1]),
        st.lists(BRANDS, min_size=1, max_size=80),
        st.integers(0, 400),
    ),
    st.builds(
        lambda start, rest: start + rest,
        st.sampled_from(
            [b"\xff\xd8", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a", b"\x89PNG\r\n\x1a\n", b"GIF8", b"GIF87a", b"GIF89a"]
        ),
        st.binary(max_size=20),
    ),
    st.builds(
        lambda size, kind: b"RIFF" + size + kind,
        st.binary(max_size=5),
        st.sampled_from([b"WEBP", b"WEB", b"WAVE"]),
    ),
)


def test_the_page_and_the_functions_detect_the_same_pictures(page: Page, gallery: GalleryClient) -> None:
    page.goto(gallery.url)
    module = page.locator('link[href$="file_type.js"]').get_attribute("href")
    ask = """async ([module, heads]) => {
      const { pictureType } = await import(module);
      return Promise.all(heads.map((head) => pictureType(new Blob([Uint8Array.from(head)]))));
    }"""

    @given(heads=st.lists(HEADS.filter(bool), min_size=1, max_size=20))
    @settings(max_examples=50, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def check(heads: list[bytes]) -> None:
        answers = page.evaluate(ask, [module, [list(head) for head in heads]])
        assert [bool(answer) for answer in answers] == [_is_detected(head) for head in heads]

    check()


def _is_detected(head: bytes) -> bool:
    try:
        decode(head, 8)
    except UnreadableImageError as error:
        return str(error) != UNKNOWN
    return True
