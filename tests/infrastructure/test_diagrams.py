"""The pictures of the architecture are what docs/architecture.py draws."""

import runpy
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from local_cloud import REPOSITORY

SCRIPT = runpy.run_path(str(REPOSITORY / "docs" / "architecture.py"))

pytestmark = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


def drawn(name: str, folder: Path) -> Image.Image:
    folder.mkdir(exist_ok=True)
    picture = Image.open(SCRIPT["draw"](name, folder))
    picture.load()
    return picture


@pytest.mark.parametrize("name", SCRIPT["PICTURES"])
def test_a_picture_is_current(name: str, tmp_path: Path) -> None:
    committed = Image.open(REPOSITORY / "docs" / f"{name}.png")
    again = drawn(name, tmp_path)
    assert again.info["description"] == committed.info["description"], "draw it again: make diagrams"
    if again.info["renderer"] == committed.info["renderer"]:  # other libraries and fonts draw other pixels
        assert ImageChops.difference(again, committed).getbbox() is None


@pytest.mark.parametrize("name", SCRIPT["PICTURES"])
def test_a_picture_is_drawn_alike_every_time(name: str, tmp_path: Path) -> None:
    drawn(name, tmp_path / "first")
    drawn(name, tmp_path / "second")
    first, second = (tmp_path / folder / f"{name}.png" for folder in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()
