"""Search in a browser: suggestions, marks, corrections, and the way back to the results."""

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Locator, Page, Request, expect

from catalog.words import tokens
from support import photos
from support.clouds import Clouds
from support.gallery_client import GalleryClient
from support.shown_alike import HIGHLIGHTS, TAG_QUERIES
from support.waiting import wait_until
from web.highlight import highlight

WAIT_MS = 60_000


def annotated(gallery: GalleryClient, filename: str, caption: str, *tags: str) -> str:
    """Upload a photo, replace its texts, and return its ID."""
    image_id = gallery.upload(photos.jpeg(), filename)
    gallery.wait(image_id)
    gallery.edit(image_id, caption=caption, tags=list(tags))
    return image_id


@pytest.fixture(scope="module")
def wombat(clouds: Clouds) -> str:
    """Upload photos whose words are suggested, and return the ID of the one of a wombat."""
    gallery = GalleryClient(clouds.use("ministack").gallery_url)
    annotated(gallery, "clicked.jpg", "A capybara.", "capybara")
    annotated(gallery, "misspelled.jpg", "A pangolin in a basket.", "pangolin")
    image_id = annotated(gallery, "typed.jpg", "A wombat, wombatlike, in the hay.", "wombat")
    for word in ("capybara", "pangolin", "wombat"):
        gallery.wait_for_word(word)
    return image_id


def box(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Search photos")


def marked(page: Page) -> Locator:
    return page.locator("li.card mark")


def test_a_search_says_how_many_photos_match_and_marks_why(page: Page, gallery: GalleryClient) -> None:
    for number in (1, 2):
        annotated(gallery, f"{number}.jpg", f"Narwhals and {number} narwhal, not narwhalish.", "narwhal", "ice")
    page.goto(gallery.url)
    box(page).fill("narwhal ")
    box(page).press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("2 photos match narwhal")
    expect(marked(page)).to_have_text(["Narwhals", "narwhal", "narwhal"] * 2)


def test_an_update_by_script_is_marked(visitors: Callable[[], Page], gallery: GalleryClient) -> None:
    page = visitors()
    image_id = annotated(gallery, "update.jpg", "An okapi.", "okapi")
    page.route("**/thumbnails/**", lambda route: route.abort())  # the page polls a photo without its picture
    page.goto(f"{gallery.url}/?q=okapi+")
    expect(marked(page)).to_have_text(["okapi", "okapi"])
    gallery.edit(image_id, caption="A photo of one okapi.", tags=["zoo", "okapi"])
    expect(page.locator("p.caption")).to_have_text("A photo of one okapi.", timeout=WAIT_MS)
    expect(marked(page)).to_have_text(["okapi", "okapi"])
    expect(page.get_by_role("link", name="okapi", exact=True)).to_have_attribute("href", re.compile("=tag%3Aokapi$"))


def test_results_are_updated_without_another_search(visitors: Callable[[], Page], gallery: GalleryClient) -> None:
    page = visitors()
    image_id = annotated(gallery, "quiet.jpg", "A quokka.", "quokka")
    page.route("**/thumbnails/**", lambda route: route.abort())
    searches: list[str] = []
    page.on("request", lambda request: searches.append(request.url) if "q=" in request.url else None)
    page.goto(f"{gallery.url}/?q=quokka")
    gallery.edit(image_id, caption="A quokka, again.")
    expect(page.locator("p.caption")).to_have_text("A quokka, again.", timeout=WAIT_MS)
    assert searches == [f"{gallery.url}/?q=quokka"]


def test_words_are_suggested_and_chosen_with_the_keyboard(page: Page, gallery: GalleryClient, wombat: str) -> None:
    page.goto(gallery.url)
    box(page).press_sequentially("hay womb")
    options = page.get_by_role("option")
    expect(options).to_have_text(["wombat", "wombatlike"])
    expect(box(page)).to_have_attribute("aria-expanded", "true")
    box(page).press("Escape")
    expect(options).to_have_count(0)
    expect(box(page)).to_have_value("hay womb")
    box(page).press_sequentially("a")
    expect(options).to_have_count(2)
    for key, selected in (("ArrowDown", 0), ("ArrowDown", 1), ("ArrowUp", 0)):
        box(page).press(key)
        expect(options.nth(selected)).to_have_attribute("aria-selected", "true")
        expect(box(page)).to_have_attribute("aria-activedescendant", f"suggestion-{selected}")
    box(page).press("Enter")
    page.wait_for_url("**/?q=hay+wombat")
    expect(page.locator("li.card")).to_have_attribute("data-id", wombat)


@pytest.mark.usefixtures("wombat")
def test_a_suggestion_is_chosen_with_the_mouse(page: Page, gallery: GalleryClient) -> None:
    page.goto(gallery.url)
    box(page).press_sequentially("-x capyb")
    page.get_by_role("option", name="capybara").click()
    page.wait_for_url("**/?q=-x+capybara")


def test_nothing_is_suggested_for_one_letter_or_behind_a_prefix(page: Page, gallery: GalleryClient) -> None:
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if "/api/words" in request.url else None)
    page.goto(gallery.url)
    for text in ("x", "is:fa", "tag:ka", "before:20"):
        box(page).fill("")
        box(page).press_sequentially(text)
        page.wait_for_timeout(300)  # longer than the box waits before it asks
    assert asked == []


@pytest.mark.usefixtures("wombat")
def test_a_correction_is_a_link(plain_page: Page, gallery: GalleryClient) -> None:
    plain_page.goto(f"{gallery.url}/?q=pangloin+basket")
    expect(plain_page.get_by_role("heading", level=1)).to_have_text("No photo matches pangloin basket")
    plain_page.get_by_role("link", name="pangolin basket").click()
    expect(plain_page.get_by_role("heading", level=1)).to_have_text("1 photo matches pangolin basket")


@pytest.mark.parametrize("way", ["back", "reload"])
def test_back_and_reload_return_to_the_same_photo(page: Page, gallery: GalleryClient, way: str) -> None:
    for number in range(gallery.count("axolotl"), 53):
        gallery.upload(photos.jpeg(64, 48), f"axolotl {number}.jpg")
    wait_until(lambda: gallery.count("axolotl") == 53, seconds=WAIT_MS / 1000)
    page.goto(f"{gallery.url}/?q=axolotl")
    expect(page.locator("li.card")).to_have_count(50)
    page.get_by_role("link", name="More photos").click()
    expect(page.locator("li.card")).to_have_count(53)
    last = page.locator("li.card").last
    last.scroll_into_view_if_needed()
    first = page.locator("li.card").first.get_attribute("data-id")
    wait_until(lambda: page.evaluate("history.state.position.first") != first)  # saved after the scrolling
    if way == "back":
        last.locator("a.frame").click()
        page.wait_for_url("**/images/*")
        page.go_back()
    else:
        page.reload()
    expect(page.locator("li.card")).to_have_count(53)
    expect(page.locator("li.card").last).to_be_in_viewport()
    address, _, photo = page.url.partition("#")
    assert address == f"{gallery.url}/?q=axolotl"
    last_id = last.get_attribute("data-id")
    page.goto("about:blank")
    page.goto(f"{address}#{last_id}")  # a copied address
    expect(page.locator(f'li.card[data-id="{last_id}"]')).to_be_in_viewport()
    page.goto("about:blank")
    page.goto(f"{address}#{photo}")
    expect(page.locator(f'li.card[data-id="{photo}"]')).to_be_in_viewport()


def _pieces(text: str, parts: list[str]) -> list[str]:
    """Return what highlight.js returns: every second piece is marked."""
    return [str(piece) for piece in re.split("</?mark>", highlight(text, parts))]


def test_the_page_marks_the_same_as_the_server(page: Page, gallery: GalleryClient) -> None:
    page.goto(gallery.url)
    module = page.locator('link[href$="highlight.js"]').get_attribute("href")
    ask = """async ([module, cases]) => {
      const { pieces } = await import(module);
      return cases.map(([text, parts]) => pieces(text, new Set(parts)));
    }"""

    @given(text=st.text(alphabet="aé9e\u0301\u00ad_- .橙色ｶﾞกีहि가\U00020000\U0001f408", max_size=30), data=st.data())
    @settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def check(text: str, data: st.DataObject) -> None:
        found = sorted({text[token.start : token.end] for token in tokens(text)})
        parts = data.draw(st.lists(st.sampled_from(found), unique=True)) if found else []
        assert _trimmed(page.evaluate(ask, [module, [[text, parts]]])[0]) == _trimmed(_pieces(text, parts))

    cases = [[text, parts] for text, parts, _ in HIGHLIGHTS]
    shown = page.evaluate(ask, [module, cases])
    assert [pieces[1::2] for pieces in shown] == [marks for _, _, marks in HIGHLIGHTS]
    check()


def _trimmed(pieces: list[str]) -> list[str]:
    """Leave out an empty piece at the end, which shows nothing."""
    return pieces[:-1] if len(pieces) % 2 and not pieces[-1] else pieces


def test_the_page_searches_for_the_same_tags_as_the_server(page: Page, gallery: GalleryClient) -> None:
    page.goto(gallery.url)
    module = page.locator('link[href$="format.js"]').get_attribute("href")
    ask = "async ([module, tags]) => tags.map((await import(module)).tagQuery)"
    assert page.evaluate(ask, [module, [tag for tag, _ in TAG_QUERIES]]) == [query for _, query in TAG_QUERIES]
