"""The committed pictures of the architecture are those that docs/architecture.py draws."""

import runpy
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from servers import REPOSITORY

SCRIPT = runpy.run_path(str(REPOSITORY / "docs" / "architecture.py"))

pytestmark = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


def draw(name: str, folder: Path) -> Path:
    folder.mkdir()
    path: Path = SCRIPT["draw"](name, folder)
    return path


@pytest.mark.parametrize("name", SCRIPT["PICTURES"])
def test_a_picture_is_current_and_drawn_the_same_every_time(name: str, tmp_path: Path) -> None:
    first, second = (draw(name, tmp_path / folder) for folder in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()
    committed, again = Image.open(REPOSITORY / "docs" / f"{name}.png"), Image.open(first)
    assert again.info["description"] == committed.info["description"], "draw it again: make diagrams"
    if again.info["renderer"] == committed.info["renderer"]:  # other libraries and fonts draw other pixels
        assert ImageChops.difference(again, committed).getbbox() is None
