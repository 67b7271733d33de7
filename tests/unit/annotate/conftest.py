"""Drawings that an ImageNet classifier knows, and the Gemini API on loopback."""

import math
from collections.abc import Iterator

import pytest
from PIL import Image, ImageDraw

from gemini_server import GeminiServer


@pytest.fixture
def gemini(monkeypatch: pytest.MonkeyPatch) -> Iterator[GeminiServer]:
    """Run the loopback server, where the SDK finds it, which speaks through httpx as in the function's package.

    The tests' own environment has aiohttp, too, which the SDK would prefer.
    """
    monkeypatch.setattr("google.genai._api_client.has_aiohttp", False)
    with GeminiServer() as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        yield server


@pytest.fixture
def fence() -> Image.Image:
    """Draw a white picket fence between grass and sky."""
    picture = Image.new("RGB", (400, 400), (110, 170, 90))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 400, 160), fill=(120, 180, 240))
    for x in range(0, 400, 40):
        points = [(x, 130), (x + 14, 105), (x + 28, 130), (x + 28, 350), (x, 350)]
        draw.polygon(points, fill="white", outline=(150, 150, 150))
    draw.rectangle((0, 170, 400, 190), fill=(240, 240, 240))
    draw.rectangle((0, 290, 400, 310), fill=(240, 240, 240))
    return picture


@pytest.fixture
def clock() -> Image.Image:
    """Draw a round clock on a wall."""
    picture = Image.new("RGB", (400, 400), (200, 190, 170))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((40, 40, 360, 360), fill="white", outline="black", width=14)
    for minute in range(60):
        x, y = math.sin(minute * math.tau / 60), -math.cos(minute * math.tau / 60)
        inner = 148 if minute % 5 else 120
        draw.line((200 + inner * x, 200 + inner * y, 200 + 153 * x, 200 + 153 * y), fill="black", width=3)
    draw.line((200, 200, 270, 130), fill="black", width=9)
    draw.line((200, 200, 200, 80), fill="black", width=6)
    return picture
