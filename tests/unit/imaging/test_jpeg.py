"""Scans of JPEGs, and JPEGs with complete pixels and damage elsewhere."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.decode import decode
from imaging.jpeg import END_OF_IMAGE, strip
from support.corpus.jpegs import segment
from support.photos import encoded, scene
from unit.imaging.samples import assert_rejected, assert_same_picture

SCENE = scene(200, 150)
JPEGS = {
    "baseline": encoded(SCENE, "JPEG"),
    "without subsampling": encoded(SCENE, "JPEG", subsampling=0),
    "progressive": encoded(SCENE, "JPEG", progressive=True),
    "grey": encoded(SCENE.convert("L"), "JPEG"),
    "cmyk": encoded(SCENE.convert("CMYK"), "JPEG"),
    "restart markers": encoded(SCENE, "JPEG", restart_marker_rows=1),
    "reduced": encoded(scene(2000, 1500), "JPEG"),
}

# --- scans


ONE_SCAN = {
    **{name: JPEGS[name] for name in ("baseline", "grey", "cmyk", "restart markers")},
    "preview in the metadata": encoded(SCENE, "JPEG", exif=b"Exif\0\0" + encoded(scene(32, 24), "JPEG")),
    "video after the picture": JPEGS["baseline"] + b"\xff\xda\0\x02" * 1000,
}


@pytest.mark.parametrize("data", ONE_SCAN.values(), ids=ONE_SCAN)
def test_a_baseline_jpeg_has_one_scan(data: bytes) -> None:
    assert strip(data).scans == 1


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"restart_marker_rows": 1}], ids=["", "restart markers"])
def test_the_scans_of_a_progressive_jpeg_are_counted(mode: str, options: dict[str, int]) -> None:
    data = encoded(scene().convert(mode), "JPEG", progressive=True, **options)
    assert (b"\xff\xd0" in data) == bool(options)
    # Without metadata every marker is one: 0xFF is stuffed in coded data.
    assert strip(data).scans == data.count(b"\xff\xda") > 1


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd8\xff", b"\xff\xd8\xff\xe1\xff\xff"])
def test_a_fragment_has_no_scans(data: bytes) -> None:
    assert strip(data).scans == 0


# --- the end

MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\xff\xc4\0\x04\0\0\xff\xda\0\x08" + bytes(range(256)) * 20
TRAILERS = {
    "zeros": bytes(5000),
    "end of line": b"\r\n",
    "text": b"SEFH\x6a\0\0\0\x01\0\0\0\0\0\x30\x0a" + b"Image_UTC_Data1609459200000" + b"\x24\0\0\0SEFT",
    "video": MP4,
    "another jpeg": encoded(scene(64, 48), "JPEG"),
    "half a marker": b"\xff",
    "reserved marker": b"\xff\x02\xff\xbf\0\x10" + b"x" * 40,
    "segment beyond the end": b"\xff\xe1\xff\xff",
}


@pytest.mark.parametrize("name", JPEGS)
def test_the_end_marker_may_be_missing(name: str) -> None:
    assert_same_picture(JPEGS[name].removesuffix(END_OF_IMAGE), JPEGS[name])


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize("name", ["baseline", "grey", "restart markers", "reduced"])
def test_other_data_may_follow_without_an_end_marker(name: str, trailer: str) -> None:
    assert_same_picture(JPEGS[name].removesuffix(END_OF_IMAGE) + TRAILERS[trailer], JPEGS[name])


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize("name", JPEGS)
def test_other_data_may_follow_the_picture(name: str, trailer: str) -> None:
    assert_same_picture(JPEGS[name] + TRAILERS[trailer], JPEGS[name])


@pytest.mark.parametrize("missing", [3, 20, 300, 2000])
@pytest.mark.parametrize("name", [name for name in JPEGS if name != "reduced"])
def test_a_jpeg_without_its_last_pixels_is_rejected(name: str, missing: int) -> None:
    assert_rejected(JPEGS[name].removesuffix(END_OF_IMAGE)[:-missing])


# --- metadata


SEGMENTS = {
    "short jfif": segment(0xE0, b"JFIF\0"),
    "second jfif": segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
    "jfif extension": segment(0xE0, b"JFXX\0\x10"),
    "empty segment": segment(0xE1, b""),
    "empty exif": segment(0xE1, b"Exif\0\0"),
    "exif with half a header": segment(0xE1, b"Exif\0\0II*"),
    "exif with an offset out of range": segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"),
    "exif that points to itself": segment(0xE1, b"Exif\0\0II*\0\0\0\0\0"),
    "exif that is not tiff": segment(0xE1, b"Exif\0\0http://ns.adobe.com/xap/1.0/"),
    "xmp that is not xml": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe<"),
    "fragment of a profile": segment(0xE2, b"ICC_PROFILE\0\2\5" + b"x" * 50),
    "short profile": segment(0xE2, b"ICC_PROFILE\0\1\1"),
    "damaged index of further pictures": segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff"),
    "flashpix": segment(0xE2, b"FPXR\0"),
    "truncated photoshop resources": segment(0xED, b"Photoshop 3.0\x008BIM\x03\xed\0\0\0\0\0\x10"),
    "short adobe": segment(0xEE, b"Adobe"),
    "comment": segment(0xFE, b"\xff\xfe not text"),
    "junk between segments": b"\0\0junk\0",
    "fill bytes": b"\xff\xff\xff",
    "temporary marker": b"\xff\x01",
    "length of zero": segment(0xEC, b"", 0),
    "length of one": segment(0xEC, b"", 1),
    "length beyond the end": segment(0xEC, b"", 0xFFFF),
    "largest metadata": b"".join(
        segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(65000)) for _ in range(30)
    ),
}


@pytest.mark.parametrize("metadata", SEGMENTS)
@pytest.mark.parametrize("name", ["baseline", "progressive", "grey"])
def test_damaged_metadata_are_ignored(name: str, metadata: str) -> None:
    data = JPEGS[name]
    after_first = data.index(b"\xff\xdb")
    assert_same_picture(data[:after_first] + SEGMENTS[metadata] + data[after_first:], data)
    if SEGMENTS[metadata].startswith(b"\xff"):
        assert_same_picture(data[:2] + SEGMENTS[metadata] + data[2:], data)


@given(marker=st.integers(0xE0, 0xEF), content=st.binary(max_size=60), prefix=st.sampled_from(sorted(SEGMENTS)))
@settings(deadline=None, max_examples=150)
def test_no_content_of_an_application_segment_breaks_a_jpeg(marker: int, content: bytes, prefix: str) -> None:
    start = SEGMENTS[prefix][4:20].split(b"\0")[0] + b"\0"
    data = JPEGS["baseline"]
    assert decode(data[:2] + segment(marker, start + content) + data[2:], 512).width in (200, 150)
