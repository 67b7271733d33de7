"""Open pages during outages of the gallery or its database, and concurrent edits, in a browser."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Locator, Page, expect

from local_cloud.cloud import LocalCloud
from support import photos
from support.gallery_client import GalleryClient

WAIT_MS = 60_000
LOST = "Connection lost. Retrying…"


@pytest.fixture
def photo(gallery: GalleryClient) -> str:
    """Upload a photo, wait until it is ready, and return the address of its page."""
    image_id = gallery.upload(photos.jpeg(), "of two people.jpg")
    gallery.wait(image_id)
    return f"{gallery.url}/images/{image_id}"


@pytest.fixture
def editors(visitors: Callable[[], Page], photo: str) -> tuple[Page, Page]:
    """Open the editor of a photo for two people."""
    pages = visitors(), visitors()
    for page in pages:
        edit(page, photo)
    return pages


def kill(cloud: LocalCloud, name: str) -> None:
    """Kill a component of the cloud and its child processes."""
    process = psutil.Process(cloud.processes[name].pid)
    killed = [*process.children(recursive=True), process]
    for part in killed:
        part.kill()
    psutil.wait_procs(killed[:-1])
    while cloud.processes[name].exit_code() is None:
        pass


def restart(cloud: LocalCloud) -> None:
    """Restart a killed component."""
    assert cloud.restart(print)


@contextmanager
def hanging(cloud: LocalCloud, name: str) -> Iterator[None]:
    """Suspend a component of the cloud."""
    process = psutil.Process(cloud.processes[name].pid)
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def edit(page: Page, address: str) -> None:
    """Open a photo's page and its editor."""
    page.goto(address)
    page.get_by_role("button", name="Edit caption").click()
    expect(page.get_by_label("Caption")).to_be_focused()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save").click()


def save_caption(page: Page, caption: str) -> None:
    page.get_by_label("Caption").fill(caption)
    save(page)


def theirs(page: Page, field: str) -> Locator:
    """The value that somebody else saved in a field."""
    return page.locator(f'.theirs[data-field="{field}"]')


@pytest.mark.parametrize("part", ["gallery", "database"])
def test_an_open_gallery_shows_a_lost_connection_and_recovers(
    visitors: Callable[[], Page], gallery: GalleryClient, cloud: LocalCloud, part: str
) -> None:
    page = visitors()
    page.goto(gallery.url)
    kill(cloud, part)
    expect(page.locator("#status")).to_have_text(LOST, timeout=WAIT_MS)
    restart(cloud)
    expect(page.locator("#status")).to_be_empty(timeout=WAIT_MS)
    image_id = gallery.upload(photos.jpeg(seed=3), "after the fault.jpg")
    expect(page.locator(f'li.card[data-id="{image_id}"]')).to_be_visible(timeout=WAIT_MS)


def test_an_upload_continues_after_the_gallery_restarts(
    visitors: Callable[[], Page], gallery: GalleryClient, cloud: LocalCloud, tmp_path: Path
) -> None:
    path = tmp_path / "patient.jpg"
    path.write_bytes(photos.jpeg(seed=4))
    page = visitors()
    page.goto(gallery.url)
    kill(cloud, "gallery")
    page.get_by_label("Photos to add").set_input_files(path)
    expect(page.locator("li.uploading").first).to_contain_text(LOST, timeout=WAIT_MS)
    restart(cloud)
    card = page.locator("li.card").filter(has_text="Retry: patient.jpg").first
    expect(card).to_have_attribute("data-thumbnail", "ready", timeout=WAIT_MS)


def test_an_edit_survives_a_hanging_database(visitors: Callable[[], Page], photo: str, cloud: LocalCloud) -> None:
    page = visitors()
    edit(page, photo)
    with hanging(cloud, "database"):
        save_caption(page, "Written during the outage")
        expect(page.locator("#editor .failure")).to_contain_text("The database is not responding", timeout=WAIT_MS)
        expect(page.get_by_label("Caption")).to_have_value("Written during the outage")
    save(page)
    expect(page.locator("p.caption")).to_have_text("Written during the outage", timeout=WAIT_MS)


def test_an_error_page_reloads_until_the_database_responds(
    visitors: Callable[[], Page], photo: str, cloud: LocalCloud
) -> None:
    page = visitors()
    with hanging(cloud, "database"):
        page.goto(photo)
        expect(page.get_by_role("heading", level=1)).to_have_text("Temporarily unavailable")
    expect(page.get_by_role("heading", level=1)).to_have_text("of two people.jpg", timeout=WAIT_MS)


def test_two_people_can_edit_different_fields(editors: tuple[Page, Page]) -> None:
    she, he = editors
    save_caption(she, "Her caption")
    expect(she.locator("p.caption")).to_have_text("Her caption")
    he.get_by_label("Alt text").fill("His alternative text")
    save(he)
    expect(he.locator(".alt-text")).to_have_text("His alternative text")
    expect(he.locator("p.caption")).to_have_text("Her caption")


@pytest.mark.parametrize("choice", ["mine", "theirs"])
def test_the_second_editor_of_a_field_sees_both_versions_and_chooses(editors: tuple[Page, Page], choice: str) -> None:
    she, he = editors
    save_caption(she, "Hers")
    expect(she.locator("p.caption")).to_have_text("Hers")
    save_caption(he, "His")
    expect(he.locator("#editor .failure")).to_contain_text("Somebody else changed this text")
    expect(theirs(he, "caption")).to_contain_text("Hers")
    expect(theirs(he, "alt_text")).to_be_hidden()
    expect(he.get_by_label("Caption")).to_have_value("His")
    if choice == "theirs":
        theirs(he, "caption").get_by_role("button", name="Use this").click()
    save(he)
    expect(he.locator("#editor")).to_be_hidden()
    he.reload()
    expect(he.locator("p.caption")).to_have_text("His" if choice == "mine" else "Hers")


def test_edit_conflicts_are_shown_without_javascript(
    plain_page: Page, visitors: Callable[[], Page], photo: str
) -> None:
    plain_page.goto(photo)
    plain_page.get_by_role("link", name="Edit caption").click()
    she = visitors()
    edit(she, photo)
    save_caption(she, "Hers\non two lines")
    expect(she.locator("p.caption")).to_have_text("Hers on two lines")
    save_caption(plain_page, "His")
    expect(theirs(plain_page, "caption")).to_contain_text("Hers")
    expect(plain_page.get_by_label("Caption")).to_have_value("His")
    save(plain_page)
    expect(plain_page.locator("p.caption")).to_have_text("His")
