"""Scans of JPEG files."""

import pytest

from imaging.jpeg import strip
from support.photos import encoded, scene


def scans_of(data: bytes) -> int:
    return strip(data).scans


def scans_that_the_encoder_wrote(data: bytes) -> int:
    """Count the start-of-scan markers; right only without metadata, because 0xFF is stuffed in coded data."""
    return data.count(b"\xff\xda")


def test_a_baseline_jpeg_has_one_scan() -> None:
    assert scans_of(encoded(scene(), "JPEG")) == 1


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_the_scans_of_a_progressive_jpeg_are_counted(mode: str) -> None:
    data = encoded(scene().convert(mode), "JPEG", progressive=True)
    assert scans_of(data) == scans_that_the_encoder_wrote(data) > 1


def test_restart_markers_do_not_end_a_scan() -> None:
    data = encoded(scene(), "JPEG", progressive=True, restart_marker_rows=1)
    assert b"\xff\xd0" in data
    assert scans_of(data) == scans_that_the_encoder_wrote(data)


def test_the_preview_inside_the_metadata_does_not_count() -> None:
    preview = encoded(scene(32, 24), "JPEG")
    assert scans_of(encoded(scene(), "JPEG", exif=b"Exif\0\0" + preview)) == 1


def test_a_video_behind_the_picture_does_not_count() -> None:
    assert scans_of(encoded(scene(), "JPEG") + b"\xff\xda\0\x02" * 1000) == 1


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd8\xff", b"\xff\xd8\xff\xe1\xff\xff"])
def test_a_fragment_has_no_scans(data: bytes) -> None:
    assert scans_of(data) == 0
