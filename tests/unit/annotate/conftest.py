"""Drawings that an ImageNet classifier knows."""

import pytest
from PIL import Image

from support import photos


@pytest.fixture
def fence() -> Image.Image:
    """Return a picket fence."""
    return photos.fence()


@pytest.fixture
def clock() -> Image.Image:
    """Return a clock."""
    return photos.clock()
