"""The gallery in a browser."""

import base64
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from support import photos
from support.gallery_client import GalleryClient

WAIT_MS = 30_000


@pytest.fixture
def two_photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "first light.jpg", tmp_path / "zweite Reise 🏝️.jpg"]
    for seed, path in enumerate(paths):
        path.write_bytes(photos.jpeg(seed=seed))
    return paths


def card(page: Page, filename: str) -> Locator:
    """The card of a photo, found by the file name in its Retry button."""
    return page.locator("li.card").filter(has_text=f"Retry: {filename}")


def expect_ready(photo: Locator) -> None:
    expect(photo.first).to_have_attribute("data-thumbnail", "ready", timeout=WAIT_MS)
    expect(photo.first).to_have_attribute("data-annotation", "ready", timeout=WAIT_MS)
    picture = photo.first.locator("img.photo")
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") == 512
    expect(photo.first.locator("p.caption, p.unrecognized").filter(visible=True)).to_have_count(1)
    expect(photo.first.locator(".source")).to_have_text("offline tagger")


def test_selected_photos_become_ready_without_a_reload(
    page: Page, gallery: GalleryClient, two_photos: list[Path]
) -> None:
    page.goto(gallery.url)
    page.get_by_label("Photos to add").set_input_files(two_photos)
    for path in two_photos:
        expect_ready(card(page, path.name))


def test_dropped_photos_become_ready(page: Page, gallery: GalleryClient, two_photos: list[Path]) -> None:
    page.goto(gallery.url)
    files = [
        {"name": f"dropped {path.name}", "data": base64.b64encode(path.read_bytes()).decode()} for path in two_photos
    ]
    transfer = page.evaluate_handle(
        """files => {
          const transfer = new DataTransfer();
          for (const {name, data} of files) {
            const bytes = Uint8Array.from(atob(data), character => character.charCodeAt(0));
            transfer.items.add(new File([bytes], name, {type: "image/jpeg"}));
          }
          return transfer;
        }""",
        files,
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event("body", event, {"dataTransfer": transfer})
    for file in files:
        expect_ready(card(page, file["name"]))


def test_the_plain_form_uploads_and_returns_without_javascript(
    plain_page: Page, gallery: GalleryClient, two_photos: list[Path]
) -> None:
    for path in two_photos:
        plain_page.goto(gallery.url)
        plain_page.get_by_role("button", name="Add photos").click()
        plain_page.get_by_label("Choose a picture").set_input_files(path)
        plain_page.get_by_role("button", name="Upload").click()
        expect(plain_page.get_by_role("heading", level=1)).to_have_text(path.name)
        image_id = plain_page.url.rpartition("/")[2]
        image = gallery.wait(image_id)
        assert (image["thumbnail"]["status"], image["annotation"]["status"]) == ("ready", "ready")
        plain_page.goto(gallery.url)
        expect(plain_page.locator(f'li.card[data-id="{image_id}"] img.photo')).to_be_visible()


def test_a_damaged_photo_fails_with_a_reason(page: Page, gallery: GalleryClient, tmp_path: Path) -> None:
    path = tmp_path / "damaged.jpg"
    path.write_bytes(b"\xff\xd8\xff and just words")
    page.goto(gallery.url)
    page.get_by_label("Photos to add").set_input_files(path)
    photo = card(page, path.name)
    expect(photo.first).to_have_attribute("data-thumbnail", "failed", timeout=WAIT_MS)
    expect(photo.first).to_contain_text("damaged")
    expect(photo.first.get_by_role("button", name="Retry")).to_be_visible()


def test_an_empty_file_is_rejected_before_upload(page: Page, gallery: GalleryClient, tmp_path: Path) -> None:
    path = tmp_path / "nothing.jpg"
    path.touch()
    page.goto(gallery.url)
    page.get_by_label("Photos to add").set_input_files(path)
    expect(page.get_by_text("empty")).to_be_visible()


def test_the_photo_page_shows_the_full_size_picture_and_edits_the_caption(page: Page, gallery: GalleryClient) -> None:
    image_id = gallery.upload(photos.jpeg(1200, 900), "to edit.jpg")
    gallery.wait(image_id)
    page.goto(f"{gallery.url}/images/{image_id}")
    picture = page.locator("img.photo")
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("naturalWidth", 1200)
    page.get_by_role("button", name="Edit caption").click()
    page.get_by_label("Caption").fill('A <b>"bold"</b> word')
    page.get_by_role("button", name="Save").click()
    expect(page.locator("p.caption")).to_have_text('A <b>"bold"</b> word')
    page.reload()
    expect(page.locator("p.caption")).to_have_text('A <b>"bold"</b> word')


def test_a_photo_is_deleted_after_confirmation(page: Page, gallery: GalleryClient) -> None:
    image_id = gallery.upload(photos.jpeg(), "to delete.jpg")
    gallery.wait(image_id)
    page.goto(f"{gallery.url}/images/{image_id}")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url(f"{gallery.url}/")
    assert gallery.find(image_id) is None


def test_a_search_finds_photos_by_prefix(page: Page, gallery: GalleryClient) -> None:
    image_id = gallery.upload(photos.jpeg(), "Xylophone solo.jpg")
    gallery.wait(image_id)
    page.goto(gallery.url)
    page.get_by_role("combobox").fill("xylo")
    page.get_by_role("combobox").press("Enter")
    expect(page.locator("li.card")).to_have_count(1)
    expect(page.locator("li.card")).to_have_attribute("data-id", image_id)


def test_generated_texts_are_restored_beside_a_persons(page: Page, gallery: GalleryClient) -> None:
    image_id = gallery.upload(photos.jpeg(), "to restore.jpg")
    generated = gallery.wait(image_id)["annotation"]
    page.goto(f"{gallery.url}/images/{image_id}")
    expect(page.locator("#generated")).to_be_hidden()
    page.get_by_role("button", name="Edit caption").click()
    page.get_by_label("Alt text").fill("What I see")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".generated-alt-text")).to_have_text(generated["alt_text"])
    page.get_by_role("button", name="Edit caption").click()
    expect(page.locator("#editor [data-edited-field]").filter(visible=True)).to_have_text(["edited"])
    page.get_by_role("button", name="Restore generated text").click()
    expect(page.locator("#generated")).to_be_hidden()
    expect(page.locator("dd.alt-text")).to_have_text(generated["alt_text"])
    assert gallery.image(image_id)["annotation"] == generated


@pytest.fixture
def only_photo(page: Page, gallery: GalleryClient) -> str:
    """Return the id of the only photo in the gallery."""
    for image in page.request.get(f"{gallery.url}/api/images?limit=100").json()["images"]:
        gallery.delete(image["id"])
    image_id = gallery.upload(photos.jpeg(), "only.jpg")
    gallery.wait(image_id)
    return image_id


def test_a_page_that_has_just_been_loaded_does_not_ask_for_its_photos_again(
    page: Page, gallery: GalleryClient, only_photo: str
) -> None:
    page.add_init_script(
        """window.delays = [];
        const wait = window.setTimeout;
        window.setTimeout = (work, delay) => { window.delays.push(delay); return wait(work, delay); };"""
    )
    page.goto(gallery.url)
    expect(page.locator("li.card time")).to_have_text("just now")
    expect(page.locator("li.card")).to_have_attribute("data-picture", "loaded")
    assert page.evaluate("window.delays") == [10_000]


def test_a_page_that_comes_from_the_cache_of_the_browser_is_updated_at_once(
    page: Page, gallery: GalleryClient, only_photo: str
) -> None:
    page.goto(gallery.url)
    page.locator("li.card a.frame").click()
    page.wait_for_url("**/images/*")
    page.request.patch(f"{gallery.url}/api/images/{only_photo}", data={"caption": "Changed meanwhile"})
    page.go_back()
    expect(page.locator("li.card p.caption")).to_have_text("Changed meanwhile")


def test_an_open_page_shows_that_a_photo_waits_for_another_caption(page: Page, gallery: GalleryClient) -> None:
    image_id = gallery.upload(photos.jpeg(), "again.jpg")
    gallery.wait(image_id)
    page.goto(gallery.url)
    expect_ready(card(page, "again.jpg"))
    with page.context.new_page() as other:
        other.goto(f"{gallery.url}/images/{image_id}")
        other.get_by_role("button", name="Describe again").click()
        expect(other.locator(".waiting")).to_have_text("Waiting for another caption")
        expect(other.get_by_role("button", name="Describe again")).to_be_hidden()
    expect(card(page, "again.jpg").first.locator(".waiting")).to_have_text(
        "Waiting for another caption", timeout=WAIT_MS
    )


def test_failed_photos_are_retried_and_counted_without_javascript(plain_page: Page, gallery: GalleryClient) -> None:
    image_id = gallery.upload(b"\xff\xd8\xff and just words", "no picture.jpg")
    reason = gallery.wait(image_id)["annotation"]["reason"]
    plain_page.goto(gallery.url)
    plain_page.get_by_role("link", name="Statistics").click()
    plain_page.get_by_role("link", name="Describe photos again").click()
    plain_page.get_by_label("Which photos?").fill("state:ready")
    plain_page.get_by_role("button", name="Count photos").click()
    expect(plain_page.locator("p[role=status]").last).to_contain_text("about $")
    plain_page.locator("li").filter(has_text=reason).get_by_role("button").click()
    expect(plain_page.locator(".page p[role=status]")).to_contain_text("put into the queue")
    assert gallery.image(image_id)["annotation"]["queued"] is True
