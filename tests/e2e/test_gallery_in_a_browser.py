"""The gallery in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import photos

WAIT_MS = 30_000


@pytest.fixture
def two_photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "first light.jpg", tmp_path / "second 🏝️.jpg"]
    for seed, path in enumerate(paths):
        path.write_bytes(photos.jpeg(seed=seed))
    return paths
