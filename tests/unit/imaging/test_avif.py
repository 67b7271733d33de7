"""Damaged metadata of AVIFs."""

import pytest
from PIL import Image

from imaging.decode import decode
from support.photos import encoded
from unit.imaging.samples import SCENE, assert_same_picture, patched


@pytest.mark.parametrize("damage", [b"\xff\xff\xff\xff", b"\0\0\0\0MM\0", b"\0\0\0\x50"])
def test_damaged_metadata_are_ignored(damage: bytes) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Camera", 6
    sound = encoded(SCENE, "AVIF", exif=exif)
    start = max(sound.find(b"II*\0"), sound.find(b"MM\0*")) - 4  # the offset of the metadata in their item
    damaged = patched(sound, start, damage)
    assert decode(damaged, 512).image.size == (80, 120)
    assert_same_picture(damaged, sound)
