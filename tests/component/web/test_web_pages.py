"""The HTML pages of the gallery and of a photo, without JavaScript."""

import html
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from catalog import images
from catalog.images import Annotation
from catalog.keys import new_id, upload_key
from support.catalog_rows import THUMBNAIL
from support.gallery_photos import FILE, GalleryPhotos, put_upload
from web.rendering import MAX_PLACEHOLDERS
from web.storage import WINDOW_SECONDS


def cards(page: str) -> list[str]:
    """Return the cards of photos, but not the templates that scripts copy."""
    shown = page[: page.index("<template")]
    return re.findall(r'<li class="card".*?</div>\s*</li>', shown, re.DOTALL)


def text(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def attribute(markup: str, element: str, name: str) -> str:
    """Return an attribute of the first element whose tag begins with `element`."""
    (tag,) = re.findall(rf"<{element}[^>]*>", markup)[:1]
    return html.unescape(re.findall(rf'\b{name}="([^"]*)"', tag)[0])


def only_card(client: FlaskClient) -> str:
    (card,) = cards(client.get("/").text)
    return card


# ---- /


def test_an_empty_gallery_explains_how_to_add_photos(client: FlaskClient) -> None:
    page = client.get("/").text
    assert cards(page) == []
    assert "No photos yet" in page
    assert "up to 50 MB" in page


def test_a_card_has_picture_annotation_and_tags(client: FlaskClient, ready_photo: str) -> None:
    card = only_card(client)
    assert f'href="/images/{ready_photo}"' in card
    assert attribute(card, 'img class="photo"', "alt") == "A red kite with a long tail"
    assert attribute(card, 'img class="photo"', "src").startswith("https://")
    assert attribute(card, 'img class="placeholder"', "src") == "data:image/webp;base64,AA=="
    assert "A red kite over a beach." in text(card)
    assert 'href="/?q=tag%3A%22sandy%20beach%22"' in card
    assert "gemini" in text(card)
    assert attribute(card, "time", "datetime").endswith("Z")


def test_a_card_names_the_offline_tagger(client: FlaskClient, photos: GalleryPhotos) -> None:
    photos.add(annotation=Annotation("Probably a kite.", "Probably a kite", ("kite",), "en", "offline-tagger"))
    assert "offline tagger" in text(only_card(client))


def test_a_card_declares_the_language_of_the_annotation(client: FlaskClient, photos: GalleryPhotos) -> None:
    german = Annotation("Ein Drachen.", "Ein roter Drachen", ("drachen",), "de", "gemini")
    photos.add(thumbnail=THUMBNAIL, annotation=german)
    for element in ('img class="photo"', 'p class="caption"', 'ul class="tags"'):
        assert attribute(only_card(client), element, "lang") == "de"


@pytest.mark.parametrize(("age", "is_stuck"), [(0, False), (90, True)])
def test_a_pending_card_offers_a_retry_after_a_minute(
    client: FlaskClient, photos: GalleryPhotos, age: int, is_stuck: bool
) -> None:
    photos.age(photos.add("new.jpg"), age)
    card = only_card(client)
    assert attribute(card, "li", "data-thumbnail") == "pending"
    assert "Preparing new.jpg" in text(card)
    assert ("data-stuck" in card) is is_stuck


def test_a_failed_card_has_reasons_and_a_retry(client: FlaskClient, photos: GalleryPhotos) -> None:
    photos.add("notes.jpg", thumbnail="Not a picture.", annotation="Refused for safety.")
    card = only_card(client)
    assert "notes.jpg: Not a picture." in text(card)
    assert "Refused for safety." in text(card)
    assert attribute(card, "button", "class").startswith("retry")


def test_a_card_does_not_repeat_a_reason(client: FlaskClient, photos: GalleryPhotos) -> None:
    photos.add(thumbnail="Not a picture.", annotation="Not a picture.")
    assert text(only_card(client)).count("Not a picture.") == 1


def test_an_edited_card_is_marked(client: FlaskClient, ready_photo: str) -> None:
    client.patch(f"/api/images/{ready_photo}", json={"caption": "Ours"})
    assert "data-edited" in only_card(client)


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}"


def test_hostile_text_is_escaped(client: FlaskClient, photos: GalleryPhotos) -> None:
    image_id = photos.add(HOSTILE.replace("/", ""), thumbnail=THUMBNAIL)
    client.patch(f"/api/images/{image_id}", json={"caption": HOSTILE, "alt_text": HOSTILE, "tags": [HOSTILE[:50]]})
    for path in ("/", f"/images/{image_id}", f"/?q={image_id}"):
        page = client.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    card = only_card(client)
    assert attribute(card, 'img class="photo"', "alt") == HOSTILE
    assert HOSTILE in html.unescape(card)


def test_older_photos_are_on_the_next_page(client: FlaskClient, photos: GalleryPhotos) -> None:
    added = [photos.add(f"{number}.jpg") for number in range(51)]
    first = client.get("/").text
    assert len(cards(first)) == 50
    link = attribute(first, 'a id="more"', "href")
    assert parse_qs(urlsplit(link).query)["before"] == [added[1]]
    second = client.get(link).text
    assert [attribute(card, "li", "data-id") for card in cards(second)] == [added[0]]
    assert 'id="more"' not in second


@pytest.mark.parametrize("path", ["/", "/api/images", "/?q=kite", "/api/images?q=kite"])
def test_a_change_by_another_process_is_shown(client: FlaskClient, photos: GalleryPhotos, path: str) -> None:
    image_id = photos.add_ready()
    for caption in ("First", "Second", "First"):
        with photos.database.connection() as connection:
            images.edit(connection, image_id, caption=caption)
        page = client.get(path).text
        assert {text for text in ("First", "Second") if text in page} == {caption}


@pytest.mark.parametrize("path", ["/", "/api/images"])
def test_the_addresses_of_pictures_change_before_they_expire(
    client: FlaskClient, ready_photo: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = client.get(path).text
    later = datetime.now(UTC) + timedelta(seconds=WINDOW_SECONDS)
    monkeypatch.setattr(time, "time", later.timestamp)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: later.replace(tzinfo=None))
    assert _signatures(client.get(path).text).isdisjoint(_signatures(before))


def _signatures(page: str) -> set[str]:
    found = set(re.findall("X-Amz-Signature=([0-9a-f]{64})", page))
    assert found
    return found


def test_only_the_first_cards_have_placeholders(client: FlaskClient, photos: GalleryPhotos) -> None:
    for _ in range(MAX_PLACEHOLDERS + 1):
        photos.add_ready()
    shown = ["data:image" in card for card in cards(client.get("/").text)]
    assert shown == [True] * MAX_PLACEHOLDERS + [False]


def test_the_search_box_keeps_the_query(client: FlaskClient, ready_photo: str) -> None:
    page = client.get("/", query_string={"q": 'kite "><b>'}).text
    assert attribute(page, "input", "value") == 'kite "><b>'
    assert "<b>" not in page


@pytest.mark.parametrize(
    ("query", "message"),
    [("q=%2B", "The search has no words."), ("before=yesterday", "before must be the ID of a photo.")],
)
def test_an_invalid_query_is_an_error_page(client: FlaskClient, query: str, message: str) -> None:
    response = client.get(f"/?{query}")
    assert response.status_code == 400
    assert message in text(response.text)


def test_unknown_query_parameters_are_ignored(client: FlaskClient) -> None:
    assert client.get("/?utm_source=x&limit=abc").status_code == 200


# ---- /images/<id>


def test_the_photo_page_shows_all_details(client: FlaskClient, ready_photo: str) -> None:
    page = text(client.get(f"/images/{ready_photo}").text)
    for expected in (
        "kite.jpg",
        "A red kite over a beach.",
        "Alt text A red kite with a long tail",
        "Type image/png",
        f"Size {len(FILE)} B",
        "Dimensions 4000 × 3000",
        "Caption by gemini",
        "Prompt 1",
        "Language en",
        "Tokens 1100 in, 30 out",
        "kite sandy beach",
    ):
        assert expected in page


def test_the_photo_page_shows_the_full_size_picture_by_a_stable_url(client: FlaskClient, ready_photo: str) -> None:
    page = client.get(f"/images/{ready_photo}").text
    assert f"/{upload_key(ready_photo)}" not in page, "presigned URLs expire while a page is open"
    response = client.get(attribute(page, 'img class="photo"', "src"))
    assert response.status_code == 302
    source = urlsplit(response.location)
    assert source.path == "/" + upload_key(ready_photo)
    query = parse_qs(source.query)
    assert query["response-content-type"] == ["image/png"]
    assert query["response-content-disposition"] == ["inline; filename=kite.jpg; filename*=UTF-8''kite.jpg"]


@pytest.mark.parametrize("content_type", ["image/heic", "image/heif", "application/octet-stream", "text/html"])
def test_the_photo_page_shows_the_thumbnail_of_an_unsupported_type_and_a_download(
    client: FlaskClient, photos: GalleryPhotos, content_type: str
) -> None:
    image_id = photos.add("photo.heic", thumbnail=replace(THUMBNAIL, content_type=content_type))
    page = client.get(f"/images/{image_id}").text
    assert "/thumbnails/" in attribute(page, 'img class="photo"', "src")
    (link,) = re.findall(r'class="button" href="([^"]*)">Download', page)
    response = client.get(link)
    assert response.status_code == 302
    disposition = parse_qs(urlsplit(response.location).query)["response-content-disposition"]
    assert disposition == ["attachment; filename=photo.heic; filename*=UTF-8''photo.heic"]
    assert client.get(f"{link.removesuffix('/download')}/picture").status_code == 404


def test_the_photo_page_shows_no_picture_if_the_thumbnail_failed(client: FlaskClient, photos: GalleryPhotos) -> None:
    page = client.get(f"/images/{photos.add(thumbnail='Not a picture.')}").text
    assert "src=" not in re.findall(r'<img class="photo"[^>]*>', page)[0]
    assert "Not a picture." in page


def test_a_pending_photo_page_reloads_without_javascript(client: FlaskClient, photos: GalleryPhotos) -> None:
    assert '<noscript><meta http-equiv="refresh"' in client.get(f"/images/{photos.add()}").text


def test_a_finished_photo_page_does_not_reload(client: FlaskClient, ready_photo: str) -> None:
    assert "http-equiv" not in client.get(f"/images/{ready_photo}").text


def test_the_photo_page_registers_an_upload_from_the_bucket(client: FlaskClient) -> None:
    image_id = put_upload("fresh.jpg")
    assert "fresh.jpg" in client.get(f"/images/{image_id}").text
    assert client.get(f"/api/images/{image_id}").status_code == 200


def test_the_redirect_from_s3_continues_without_its_parameters(client: FlaskClient) -> None:
    image_id = put_upload()
    response = client.get(f"/images/{image_id}?bucket=b&key=uploads/{image_id}&etag=%22e%22")
    assert (response.status_code, response.location) == (303, f"/images/{image_id}")


def test_the_page_of_an_unknown_photo_returns_404(client: FlaskClient) -> None:
    response = client.get(f"/images/{new_id()}")
    assert response.status_code == 404
    assert "This photo does not exist" in text(response.text)


@pytest.mark.parametrize("view", ["", "/picture", "/download"])
def test_a_deleted_photo_returns_404(client: FlaskClient, photos: GalleryPhotos, view: str) -> None:
    assert client.get(f"/images/{photos.add_deleted()}{view}").status_code == 404
