"""Loading of pictures: a placeholder until they have loaded, and a message and retries if that fails."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Route, expect

from support import photos
from support.gallery_client import GalleryClient

WAIT_MS = 60_000
THUMBNAILS = "**/thumbnails/**"
ORIGINAL = "**/images/*/picture"
FAILED = "This picture can't be loaded right now"


def uploaded(gallery: GalleryClient, data: bytes, filename: str) -> str:
    """Upload a photo, wait for its thumbnail, and return its ID."""
    image_id = gallery.upload(data, filename)
    image = gallery.wait(image_id, lambda image: image["thumbnail"]["status"] != "pending")
    assert image["thumbnail"]["status"] == "ready"
    return image_id


@pytest.fixture
def half(gallery: GalleryClient) -> str:
    """Upload a PNG whose left half is red and whose right half is transparent."""
    picture = Image.new("RGBA", (600, 600))
    picture.paste((220, 0, 0, 255), (0, 0, 300, 600))
    return uploaded(gallery, photos.encoded(picture, "PNG"), "half.png")


@pytest.fixture
def photo(gallery: GalleryClient) -> str:
    """Upload a photo that is larger than a thumbnail."""
    return uploaded(gallery, photos.jpeg(1200, 900), "large.jpg")


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page in a light or a dark theme."""
    with browser.new_context(color_scheme=request.param) as context:
        yield context.new_page()


def card(page: Page, image_id: str) -> Locator:
    return page.locator(f'li.card[data-id="{image_id}"]')


def expect_loaded(shown: Locator, width: int = 512) -> None:
    """Expect a card or photo page to show only the picture."""
    picture = shown.locator(".photo")
    expect(picture).to_have_js_property("naturalWidth", width, timeout=WAIT_MS)
    expect(picture).to_have_css("opacity", "1", timeout=WAIT_MS)
    expect(shown.locator(".placeholder")).to_be_hidden()
    expect(shown.get_by_text(FAILED)).to_be_hidden()


def expect_failure(shown: Locator) -> None:
    """Expect a message instead of a picture or a broken image icon."""
    expect(shown.get_by_text(FAILED)).to_be_visible(timeout=WAIT_MS)
    expect(shown.locator(".photo")).to_have_css("opacity", "0")


def right_half(shown: Locator) -> list[tuple[int, ...]]:
    """Return the colors of a row of pixels from the middle of a displayed picture to its right edge."""
    screen = Image.open(io.BytesIO(shown.locator(".photo").screenshot())).convert("RGB")
    width, height = screen.size
    return [
        pixel
        for x in range(width // 2 + 4, width - 12)
        if isinstance(pixel := screen.getpixel((x, height // 2)), tuple)
    ]


def expect_light_gray(colors: list[tuple[int, ...]]) -> None:
    """Expect the light background of a transparent picture, with no red from the placeholder."""
    assert len(colors) > 20
    assert all(max(color) - min(color) < 16 for color in colors), colors
    assert all(min(color) > 180 for color in colors), colors


def test_the_placeholder_is_not_visible_behind_a_transparent_card(
    themed: Page, gallery: GalleryClient, half: str
) -> None:
    themed.goto(gallery.url)
    expect_loaded(card(themed, half))
    expect_light_gray(right_half(card(themed, half)))


def test_the_placeholder_is_not_visible_behind_a_transparent_page(
    themed: Page, gallery: GalleryClient, half: str
) -> None:
    themed.goto(f"{gallery.url}/images/{half}")
    expect_loaded(themed.locator(".single"), 600)
    expect_light_gray(right_half(themed.locator(".single")))


@pytest.mark.parametrize("path", ["/", "/images/{id}"])
def test_the_placeholder_is_not_visible_without_javascript(
    plain_page: Page, gallery: GalleryClient, half: str, path: str
) -> None:
    plain_page.goto(gallery.url + path.format(id=half))
    shown = plain_page.locator(f'[data-id="{half}"]')
    expect(shown.locator(".photo")).to_be_visible()
    plain_page.wait_for_load_state("networkidle")
    expect(shown.locator(".placeholder")).to_be_hidden()
    expect_light_gray(right_half(shown))


def test_a_tiny_picture_is_not_enlarged(page: Page, gallery: GalleryClient) -> None:
    image_id = uploaded(gallery, photos.encoded(photos.scene(20, 20), "PNG"), "icon.png")
    page.goto(gallery.url)
    expect_loaded(card(page, image_id), 20)
    box = card(page, image_id).locator(".photo").bounding_box()
    assert box is not None
    assert max(box["width"], box["height"]) < 50


def test_the_placeholder_is_shown_until_the_picture_has_loaded(page: Page, gallery: GalleryClient, photo: str) -> None:
    held: list[Route] = []
    page.route(f"**/thumbnails/{photo}/**", lambda route: held.append(route), times=1)
    page.goto(gallery.url, wait_until="domcontentloaded")
    expect(card(page, photo).locator(".placeholder")).to_be_visible()
    for route in held:
        route.continue_()
    expect_loaded(card(page, photo))


@pytest.mark.parametrize(("path", "script", "width"), [("/", "gallery.js", 512), ("/images/{id}", "image.js", 1200)])
def test_the_placeholder_is_hidden_if_the_picture_loaded_before_the_script(
    page: Page, gallery: GalleryClient, photo: str, path: str, script: str, width: int
) -> None:
    held: list[Route] = []
    page.route(f"**/{script}", lambda route: held.append(route))
    page.goto(gallery.url + path.format(id=photo), wait_until="commit")
    shown = page.locator(f'[data-id="{photo}"]')
    expect(shown.locator(".photo")).to_have_js_property("naturalWidth", width)
    expect(shown.locator(".placeholder")).to_be_visible()
    for route in held:
        route.continue_()
    expect_loaded(shown, width)


def test_a_picture_is_retried_if_it_failed_before_the_script_ran(
    visitors: Callable[[], Page], gallery: GalleryClient, photo: str
) -> None:
    page = visitors()
    held: list[Route] = []
    page.route("**/gallery.js", lambda route: held.append(route))
    page.route(THUMBNAILS, lambda route: route.abort())
    page.goto(gallery.url, wait_until="commit")
    expect(card(page, photo).locator(".photo")).to_have_js_property("complete", True)
    for route in held:
        route.continue_()
    expect_failure(card(page, photo))
    page.unroute(THUMBNAILS)
    expect_loaded(card(page, photo))


def test_pictures_are_retried_when_the_network_is_back(
    visitors: Callable[[], Page], gallery: GalleryClient, photo: str
) -> None:
    page = visitors()
    page.route(THUMBNAILS, lambda route: route.abort())
    page.goto(gallery.url)
    expect_failure(card(page, photo))
    page.context.set_offline(True)
    page.unroute(THUMBNAILS)
    expect(page.locator("#status")).to_have_text("Connection lost. Retrying…", timeout=WAIT_MS)
    expect_failure(card(page, photo))
    page.context.set_offline(False)
    expect_loaded(card(page, photo))


def test_an_expired_url_is_replaced(visitors: Callable[[], Page], gallery: GalleryClient, photo: str) -> None:
    def fresh(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=response.text().replace("/512.webp?", "/512.webp?fresh&"))

    def refuse_old(route: Route) -> None:
        url = route.request.url
        if "?fresh&" in url:
            route.fulfill(response=route.fetch(url=url.replace("?fresh&", "?")))
        else:
            route.fulfill(status=403, body="<Error><Code>AccessDenied</Code></Error>")

    page = visitors()
    page.route("**/api/images*", fresh)
    page.route(THUMBNAILS, refuse_old)
    page.goto(gallery.url)
    expect_loaded(card(page, photo))


def test_a_picture_is_loaded_when_scrolled_into_view(page: Page, gallery: GalleryClient) -> None:
    first = uploaded(gallery, photos.jpeg(seed=20), "far below.jpg")
    for seed in range(12):
        last = gallery.upload(photos.jpeg(seed=seed), f"above {seed}.jpg")
    gallery.wait(last)
    page.set_viewport_size({"width": 320, "height": 200})
    page.goto(gallery.url)
    expect_loaded(card(page, last))
    below = card(page, first)
    expect(below).not_to_have_attribute("data-picture", "loaded")
    expect(below.get_by_text(FAILED)).to_be_hidden()
    below.scroll_into_view_if_needed()
    expect_loaded(below)


def test_the_full_size_picture_is_retried(visitors: Callable[[], Page], gallery: GalleryClient, photo: str) -> None:
    page = visitors()
    page.route(ORIGINAL, lambda route: route.abort(), times=1)
    page.goto(f"{gallery.url}/images/{photo}")
    expect_loaded(page.locator(".single"), 1200)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 200, "content_type": "image/jpeg", "body": "no picture"},
        {"status": 200, "content_type": "image/heic", "body": photos.encoded(photos.scene(60, 40), "HEIF")},
        {"status": 403, "content_type": "application/xml", "body": "<Error/>"},
    ],
)
def test_the_thumbnail_replaces_an_unsupported_full_size_picture(
    visitors: Callable[[], Page], gallery: GalleryClient, photo: str, answer: dict[str, Any]
) -> None:
    page = visitors()
    page.route(ORIGINAL, lambda route: route.fulfill(**answer))
    page.goto(f"{gallery.url}/images/{photo}")
    expect_loaded(page.locator(".single"), 512)


def test_the_photo_page_shows_a_load_failure_and_recovers(
    visitors: Callable[[], Page], gallery: GalleryClient, photo: str
) -> None:
    page = visitors()
    for pictures in (ORIGINAL, THUMBNAILS):
        page.route(pictures, lambda route: route.abort())
    page.goto(f"{gallery.url}/images/{photo}")
    expect_failure(page.locator(".single"))
    page.unroute(THUMBNAILS)
    expect_loaded(page.locator(".single"), 512)
