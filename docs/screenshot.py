"""Takes the screenshot in the README: draws pictures, uploads them to a running gallery and captures the page.

make up &                                  # an empty gallery: `make up` in a fresh clone
.venv/bin/python docs/screenshot.py http://127.0.0.1:8080
"""

import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import requests
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 960, 720
TARGET = Path(__file__).with_name("gallery.png")
Pixels = NDArray[np.float64]


def gradient(*colours: tuple[int, int, int]) -> Pixels:
    """Return a vertical gradient through several colours, from top to bottom."""
    stops = np.linspace(0, 1, len(colours))
    rows = np.stack([np.interp(np.linspace(0, 1, HEIGHT), stops, channel) for channel in zip(*colours, strict=True)], 1)
    return np.repeat(rows[:, None], WIDTH, 1)


def ridge(dice: np.random.Generator, base: float, roughness: float) -> NDArray[np.float64]:
    """Return the heights of a mountain ridge in pixels from the top, as fractal noise."""
    heights = np.full(WIDTH, base, float)
    for octave in range(1, 8):
        points = dice.normal(size=2**octave + 1)
        heights += roughness / 1.8**octave * np.interp(np.linspace(0, 2**octave, WIDTH), range(2**octave + 1), points)
    return heights


def glow(pixels: Pixels, x: float, y: float, radius: float, colour: tuple[int, int, int]) -> None:
    """Add light around a point."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    strength = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / radius**2)[..., None]
    pixels += strength * (np.array(colour) - pixels)


def mountains(dice: np.random.Generator) -> Pixels:
    """Ridges that fade into an evening sky."""
    pixels = gradient((38, 45, 92), (176, 96, 132), (250, 182, 120), (255, 220, 160))
    glow(pixels, 620, 330, 120, (255, 240, 200))
    for layer, shade in enumerate(np.linspace(0.75, 0.1, 5)):
        heights = ridge(dice, 330 + layer * 85, 170 - layer * 15)
        below = np.arange(HEIGHT)[:, None] > heights[None, :]
        pixels[below] = np.array((150, 110, 150)) * shade + np.array((10, 14, 36)) * (1 - shade)
    return pixels


def sea(dice: np.random.Generator) -> Pixels:
    """A low sun over water."""
    pixels = gradient((70, 130, 190), (250, 200, 140), (255, 150, 90), (30, 60, 90), (12, 30, 52))
    glow(pixels, 480, 350, 70, (255, 250, 210))
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    depth = np.clip((rows - 380) / 340, 0, 1)
    waves = np.sin(rows**1.25 / 5 + np.sin(columns / (12 + 60 * depth)) * 1.5 + dice.normal(0, 0.3, rows.shape))
    path = np.exp(-(((columns - 480) / (40 + 200 * depth)) ** 2))
    shine = np.where(rows > 380, np.clip(waves, 0, 1) * path, 0)[..., None]
    return pixels + shine * (np.array((255, 210, 150)) - pixels) * 0.8


def stars(dice: np.random.Generator) -> Pixels:
    """A night sky over a dark hill."""
    pixels = gradient((6, 8, 24), (14, 22, 58), (36, 52, 96))
    for x, y, size in dice.uniform((8, 8, 0.6), (WIDTH - 9, 560, 2.6), (260, 3)):
        reach = slice(int(y) - 8, int(y) + 9), slice(int(x) - 8, int(x) + 9)
        rows, columns = np.mgrid[reach]
        light = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / size**2)[..., None]
        pixels[reach] += light * (255 - pixels[reach])
    pixels[np.arange(HEIGHT)[:, None] > ridge(dice, 600, 70)[None, :]] = (6, 10, 16)
    return pixels


def flower(dice: np.random.Generator) -> Pixels:
    """A daisy on blurred green."""
    blurred = Image.fromarray(dice.integers(0, 255, (9, 12), np.uint8)).resize(
        (WIDTH, HEIGHT), Image.Resampling.BICUBIC
    )
    pixels = np.asarray(blurred, np.float64)[..., None] / 255 * np.array((90, 110, 60)) + np.array((40, 80, 36))
    picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).resize((WIDTH * 2, HEIGHT * 2))
    for turn in range(0, 360, 12):
        petal = Image.new("L", picture.size)
        ImageDraw.Draw(petal).ellipse((880, 190, 1040, 720), fill=255)
        petal = petal.rotate(turn, center=(960, 720)).filter(ImageFilter.GaussianBlur(2))
        shade = 225 + int(dice.integers(0, 30))
        picture.paste((shade, shade, min(255, shade + 6)), mask=petal)
    draw = ImageDraw.Draw(picture)
    for x, y in dice.normal((960, 720), 60, (1800, 2)):
        if (x - 960) ** 2 + (y - 720) ** 2 < 150**2:
            light = int(dice.integers(-40, 40))
            draw.ellipse((x - 9, y - 9, x + 9, y + 9), fill=(225 + light // 2, 165 + light, 30))
    return np.asarray(picture.resize((WIDTH, HEIGHT)), np.float64)


PICTURES: dict[str, tuple[Callable[[np.random.Generator], Pixels], str]] = {
    "night at the hut.jpg": (stars, ""),
    "daisy.jpg": (flower, "The first daisy of the year, in front of the house."),
    "evening ridge.jpg": (mountains, ""),
    "low sun.jpg": (sea, "Low sun over a calm sea."),
}


def main(url: str) -> None:
    """Upload each picture as a browser does, edit some captions, and take the screenshot."""
    dice = np.random.default_rng(7)
    for name, (paint, words) in PICTURES.items():
        buffer = io.BytesIO()
        Image.fromarray(paint(dice).clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=92)
        wanted = {"filename": name, "content_type": "image/jpeg", "bytes": buffer.tell()}
        form = requests.post(f"{url}/api/uploads", json=wanted, timeout=10).json()
        requests.post(form["url"], form["fields"], files={"file": buffer.getvalue()}, timeout=30).raise_for_status()
        image = f"{url}/api/images/{form['id']}"
        while requests.put(image, json={}, timeout=10).json()["annotation"]["status"] == "pending":
            time.sleep(0.1)
        if words:
            requests.patch(image, json={"caption": words}, timeout=10).raise_for_status()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", chromium_sandbox=os.geteuid() != 0)
        page = browser.new_page(viewport={"width": 1200, "height": 480})
        page.goto(url, wait_until="networkidle")
        page.screenshot(path=TARGET)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
