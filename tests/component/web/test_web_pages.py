"""The HTML pages, as a browser without JavaScript gets them."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from flask.testing import FlaskClient

from catalog import images
from catalog.images import Annotation, Thumbnail
from catalog.keys import new_id, upload_key
from catalog.limits import CONTENT_TYPES


def cards(page: str) -> list[str]:
    """Return the cards of the photos on a page; the ones that scripts copy are in templates."""
    shown = page[: page.index("<template")]
    return re.findall(r'<li class="card".*?</div>\s*</li>', shown, re.DOTALL)


def text(markup: str) -> str:
    """Return the words of some markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def attribute(markup: str, element: str, name: str) -> str:
    """Return an attribute of the first element that matches the start of a tag."""
    (tag,) = re.findall(rf"<{element}[^>]*>", markup)[:1]
    return html.unescape(re.findall(rf'\b{name}="([^"]*)"', tag)[0])


# ---- /


def test_an_empty_gallery_says_what_to_do(client: FlaskClient) -> None:
    page = client.get("/").text
    assert cards(page) == []
    assert "No photos yet" in page
    assert "up to 50 MB" in page


def test_a_photo_has_its_picture_words_and_tags(client: FlaskClient, known_photo: Any) -> None:
    (card,) = cards(client.get("/").text)
    assert f'href="/images/{known_photo["id"]}"' in card
    assert attribute(card, 'img class="photo"', "alt") == "A red kite with a long tail"
    assert attribute(card, 'img class="photo"', "src").startswith("https://")
    assert attribute(card, 'img class="placeholder"', "src") == "data:image/webp;base64,AA=="
    assert "A red kite over a beach." in text(card)
    assert 'href="/?q=sandy%20beach"' in card
    assert "gemini-3.5-flash-lite" in text(card)
    assert "just now" in text(card)


def test_words_of_the_offline_tagger_are_labelled_as_such(
    client: FlaskClient, catalogue: Any, thumbnail: Thumbnail
) -> None:
    tagged = Annotation("Probably a kite.", "Probably a kite", ("kite",), "en", "offline-tagger")
    catalogue.add(thumbnail=thumbnail, annotation=tagged)
    (card,) = cards(client.get("/").text)
    assert "offline tagger" in text(card)


def test_words_are_in_their_language(client: FlaskClient, catalogue: Any, thumbnail: Thumbnail) -> None:
    german = Annotation("Ein Drachen.", "Ein roter Drachen", ("drachen",), "de", "gemini")
    catalogue.add(thumbnail=thumbnail, annotation=german)
    (card,) = cards(client.get("/").text)
    for element in ('img class="photo"', 'p class="caption"', 'ul class="tags"'):
        assert attribute(card, element, "lang") == "de"


def test_a_pending_photo_says_so(client: FlaskClient, catalogue: Any) -> None:
    catalogue.add("new.jpg")
    (card,) = cards(client.get("/").text)
    assert attribute(card, "li", "data-thumbnail") == "pending"
    assert "Preparing new.jpg" in text(card)
    assert "data-stuck" not in card


def test_a_photo_that_is_pending_for_over_a_minute_offers_a_retry(client: FlaskClient, catalogue: Any) -> None:
    image_id = catalogue.add()
    catalogue.age(image_id, 90)
    (card,) = cards(client.get("/").text)
    assert "data-stuck" in card
    assert "1 minute ago" in text(card)


def test_a_failed_photo_shows_its_reasons_and_a_retry(client: FlaskClient, catalogue: Any) -> None:
    catalogue.add("notes.jpg", thumbnail="Not a picture.", annotation="Refused for safety.")
    (card,) = cards(client.get("/").text)
    assert "notes.jpg: Not a picture." in text(card)
    assert "Refused for safety." in text(card)
    assert attribute(card, "button", "class").startswith("retry")


def test_the_same_reason_is_not_given_twice(client: FlaskClient, catalogue: Any) -> None:
    catalogue.add(thumbnail="Not a picture.", annotation="Not a picture.")
    (card,) = cards(client.get("/").text)
    assert text(card).count("Not a picture.") == 1


def test_an_edited_photo_says_so(client: FlaskClient, catalogue: Any, known_photo: Any) -> None:
    client.patch(f"/api/images/{known_photo['id']}", json={"caption": "Ours"})
    (card,) = cards(client.get("/").text)
    assert "data-edited" in card


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}"


def test_hostile_words_are_shown_as_words(client: FlaskClient, catalogue: Any, thumbnail: Thumbnail) -> None:
    image_id = catalogue.add(HOSTILE.replace("/", ""), thumbnail=thumbnail)
    client.patch(f"/api/images/{image_id}", json={"caption": HOSTILE, "alt_text": HOSTILE, "tags": [HOSTILE[:50]]})
    for path in ("/", f"/images/{image_id}", f"/?q={image_id}"):
        page = client.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    (card,) = cards(client.get("/").text)
    assert attribute(card, 'img class="photo"', "alt") == HOSTILE
    assert HOSTILE in html.unescape(card)


def test_more_photos_are_a_link_away(client: FlaskClient, catalogue: Any) -> None:
    added = [catalogue.add(f"{number}.jpg") for number in range(51)]
    first = client.get("/").text
    assert len(cards(first)) == 50
    link = attribute(first, 'a id="more"', "href")
    assert parse_qs(urlsplit(link).query)["before"] == [added[1]]
    second = client.get(link).text
    assert [attribute(card, "li", "data-id") for card in cards(second)] == [added[0]]
    assert 'id="more"' not in second


def test_a_search_keeps_its_words_in_the_box(client: FlaskClient, known_photo: Any) -> None:
    page = client.get("/", query_string={"q": 'kite "><b>'}).text
    assert attribute(page, "input", "value") == 'kite "><b>'
    assert "<b>" not in page


def test_a_search_that_finds_nothing_says_so(client: FlaskClient, known_photo: Any) -> None:
    page = client.get("/?q=submarine").text
    assert cards(page) == []
    assert "Nothing found" in page
    assert "words that begin with submarine" in text(page)
    assert "Left out" not in page


def test_a_search_that_finds_nothing_says_what_was_left_out(client: FlaskClient, known_photo: Any) -> None:
    query = "a cat in orange submarine under seven green waves beside nobody else"
    page = text(client.get("/", query_string={"q": query}).text)
    assert "begin with each of cat orange submarine under seven green waves beside ." in page
    assert "Left out: a in nobody else ." in page


def test_a_search_without_any_word_says_so(client: FlaskClient, known_photo: Any) -> None:
    response = client.get("/", query_string={"q": "+"})
    assert response.status_code == 400
    assert "There is no word to search for" in response.text


def test_a_wrong_cursor_is_a_page_that_says_so(client: FlaskClient) -> None:
    response = client.get("/?before=yesterday")
    assert response.status_code == 400
    assert "before must be the id of a photo." in text(response.text)


def test_strange_parameters_of_links_are_ignored(client: FlaskClient) -> None:
    assert client.get("/?utm_source=x&limit=abc").status_code == 200


# ---- /images/<id>


def test_the_page_of_a_photo_tells_all_about_it(client: FlaskClient, known_photo: Any) -> None:
    words = text(client.get(f"/images/{known_photo['id']}").text)
    for expected in (
        "kite.jpg",
        "A red kite over a beach.",
        "Alt text A red kite with a long tail",
        "Type image/jpeg",
        f"Size {known_photo['bytes']} B",
        "Dimensions 4000 × 3000",
        "Words by gemini-3.5-flash-lite",
        "Prompt 1",
        "Language en",
        "Tokens 1100 in, 30 out",
        "kite sandy beach",
    ):
        assert expected in words


def test_the_page_of_a_photo_shows_the_whole_picture(client: FlaskClient, known_photo: Any) -> None:
    page = client.get(f"/images/{known_photo['id']}").text
    response = client.get(attribute(page, 'img class="photo"', "src"))
    assert response.status_code == 302
    source = urlsplit(response.location)
    assert source.path == "/" + upload_key(known_photo["id"])
    query = parse_qs(source.query)
    assert query["response-content-type"] == ["image/jpeg"]
    assert query["response-content-disposition"] == ["inline; filename=kite.jpg; filename*=UTF-8''kite.jpg"]


@pytest.mark.parametrize("content_type", ["image/heic", "image/heif", "application/octet-stream", "text/html"])
def test_what_browsers_cannot_show_is_shown_by_its_thumbnail_and_can_be_downloaded(
    client: FlaskClient, catalogue: Any, content_type: str
) -> None:
    found = Thumbnail(width=40, height=30, content_type=content_type, placeholder="data:image/webp;base64,AA==")
    page = client.get(f"/images/{catalogue.add('photo.heic', thumbnail=found)}").text
    assert "/thumbnails/" in attribute(page, 'img class="photo"', "src")
    (link,) = re.findall(r'class="button" href="([^"]*)">Download', page)
    response = client.get(link)
    assert response.status_code == 302
    disposition = parse_qs(urlsplit(response.location).query)["response-content-disposition"]
    assert disposition == ["attachment; filename=photo.heic; filename*=UTF-8''photo.heic"]
    assert client.get(f"{link.removesuffix('/download')}/picture").status_code == 404


def test_a_page_that_stays_open_leads_to_the_file_by_addresses_without_a_signature_that_expires(
    client: FlaskClient, known_photo: Any
) -> None:
    page = client.get(f"/images/{known_photo['id']}").text
    assert f"/{upload_key(known_photo['id'])}" not in page


@pytest.mark.parametrize("what", ["picture", "download"])
def test_there_is_no_way_to_the_file_of_a_deleted_photo(client: FlaskClient, catalogue: Any, what: str) -> None:
    image_id = catalogue.add()
    with catalogue.database.connection() as connection:
        images.delete(connection, image_id)
    assert client.get(f"/images/{image_id}/{what}").status_code == 404


def test_a_file_that_is_no_picture_is_not_shown_as_one(client: FlaskClient, catalogue: Any) -> None:
    page = client.get(f"/images/{catalogue.add(thumbnail='Not a picture.')}").text
    assert "src=" not in re.findall(r'<img class="photo"[^>]*>', page)[0]
    assert "Not a picture." in page


def test_a_pending_page_looks_again_by_itself_without_scripts(client: FlaskClient, catalogue: Any) -> None:
    assert '<noscript><meta http-equiv="refresh"' in client.get(f"/images/{catalogue.add()}").text


def test_a_finished_page_does_not(client: FlaskClient, known_photo: Any) -> None:
    assert "http-equiv" not in client.get(f"/images/{known_photo['id']}").text


def test_a_photo_that_nobody_registered_yet_is_found_in_the_bucket(client: FlaskClient, store: Any) -> None:
    image_id = store("fresh.jpg")
    assert "fresh.jpg" in client.get(f"/images/{image_id}").text
    assert client.get(f"/api/images/{image_id}").status_code == 200


def test_the_way_back_from_s3_ends_at_a_clean_address(client: FlaskClient, store: Any) -> None:
    image_id = store()
    response = client.get(f"/images/{image_id}?bucket=b&key=uploads/{image_id}&etag=%22e%22")
    assert (response.status_code, response.location) == (303, f"/images/{image_id}")


def test_a_photo_that_does_not_exist_is_a_page_that_says_so(client: FlaskClient) -> None:
    response = client.get(f"/images/{new_id()}")
    assert response.status_code == 404
    assert "There is no such photo" in text(response.text)


def test_a_deleted_photo_does_not_come_back(client: FlaskClient, catalogue: Any) -> None:
    image_id = catalogue.add()
    with catalogue.database.connection() as connection:
        images.delete(connection, image_id)
    assert client.get(f"/images/{image_id}").status_code == 404


# ---- /images/<id>/edit


def fields(page: str) -> dict[str, str]:
    """Return what the form for words would send if nothing were typed."""
    sent = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page))
    sent |= dict(re.findall(r'<textarea name="([^"]*)"[^>]*>([^<]*)</textarea>', page))
    sent["tags"] = attribute(page, 'input name="tags"', "value")
    return {name: html.unescape(value).replace("\n", "\r\n") for name, value in sent.items()}  # as browsers do


def test_words_can_be_edited_without_scripts(client: FlaskClient, known_photo: Any) -> None:
    page = f"/images/{known_photo['id']}"
    assert f'<noscript><a class="button" href="{page}/edit">' in client.get(page).text
    form = fields(client.get(f"{page}/edit").text)
    assert (form["caption"], form["tags"]) == ("A red kite over a beach.", "kite, sandy beach")
    response = client.post(f"{page}/edit", data=form | {"caption": "Two lines,\r\nours", "tags": "sea, , sky"})
    assert (response.status_code, response.location) == (303, page)
    words = client.get(f"/api{page}").json["annotation"]
    assert (words["caption"], words["tags"]) == ("Two lines,\nours", ["sea", "sky"])
    assert words["alt_text"] == known_photo["annotation"]["alt_text"]


def test_the_longest_words_can_be_edited_without_scripts(client: FlaskClient, known_photo: Any) -> None:
    page = f"/images/{known_photo['id']}"
    longest = {
        "caption": "🪁" * 2000,
        "alt_text": "🪁" * 2000,
        "tags": [f"{number:02}{'🪁' * 48}" for number in range(30)],
    }
    assert client.patch(f"/api{page}", json=longest).status_code == 200
    form = fields(client.get(f"{page}/edit").text)
    changed = {"caption": "🌊" * 2000, "alt_text": "🌊" * 2000, "tags": form["tags"].replace("🪁", "🌊")}
    assert client.post(f"{page}/edit", data=form | changed).status_code == 303


def test_a_form_sent_as_it_was_changes_nothing(client: FlaskClient, known_photo: Any) -> None:
    page = f"/images/{known_photo['id']}"
    assert client.post(f"{page}/edit", data=fields(client.get(f"{page}/edit").text)).status_code == 303
    assert client.get(f"/api{page}").json["annotation"]["edited"] is False


def test_a_form_leaves_alone_what_another_person_changed_meanwhile(client: FlaskClient, known_photo: Any) -> None:
    page = f"/images/{known_photo['id']}"
    stale = fields(client.get(f"{page}/edit").text)
    client.patch(f"/api{page}", json={"alt_text": "Hers"})
    client.post(f"{page}/edit", data=stale | {"caption": "His"})
    words = client.get(f"/api{page}").json["annotation"]
    assert (words["caption"], words["alt_text"]) == ("His", "Hers")


def test_a_form_shows_both_texts_when_two_people_edit_the_same(client: FlaskClient, known_photo: Any) -> None:
    page = f"/images/{known_photo['id']}"
    stale = fields(client.get(f"{page}/edit").text)
    client.patch(f"/api{page}", json={"caption": "Hers"})
    response = client.post(f"{page}/edit", data=stale | {"caption": "His"})
    assert response.status_code == 409
    assert "Somebody else wrote: Hers" in text(response.text)
    assert fields(response.text)["caption"] == "His"
    assert client.get(f"/api{page}").json["annotation"]["caption"] == "Hers"
    client.post(f"{page}/edit", data=fields(response.text))
    assert client.get(f"/api{page}").json["annotation"]["caption"] == "His"


def test_tags_with_commas_are_no_conflict_in_a_form_that_separates_by_them(
    client: FlaskClient, known_photo: Any
) -> None:
    page = f"/images/{known_photo['id']}"
    client.patch(f"/api{page}", json={"tags": ["red, white", "sea"]})
    form = fields(client.get(f"{page}/edit").text)
    assert client.post(f"{page}/edit", data=form | {"tags": "sky"}).status_code == 303
    assert client.get(f"/api{page}").json["annotation"]["tags"] == ["sky"]


def test_the_words_of_an_unknown_photo_cannot_be_edited(client: FlaskClient) -> None:
    path = f"/images/{new_id()}/edit"
    assert client.get(path).status_code == 404
    assert client.post(path, data={"caption": "Mine"}).status_code == 404


# ---- POST /uploads


def test_the_plain_form_goes_to_s3_and_comes_back(client: FlaskClient, bucket: str) -> None:
    response = client.post("/uploads", base_url="https://gallery.example")
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    page = response.text
    assert bucket in attribute(page, "form", "action")
    assert attribute(page, "form", "enctype") == "multipart/form-data"
    fields = {
        html.unescape(name): html.unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    }
    image_id = fields["key"].removeprefix("uploads/")
    assert fields["success_action_redirect"] == f"https://gallery.example/images/{image_id}"
    assert fields["x-amz-meta-form-filename"] == "${filename}"
    assert fields["Content-Type"] == "application/octet-stream"
    assert page.rindex('type="hidden"') < page.index('type="file"'), "S3 ignores fields that come after the file"


def test_the_way_back_is_https_behind_a_load_balancer(client: FlaskClient) -> None:
    page = client.post("/uploads", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}).text
    assert 'value="https://localhost/images/' in page
    assert "evil.example" not in page


def test_every_plain_form_is_for_another_photo(client: FlaskClient) -> None:
    first, second = (re.findall(r'name="key" value="([^"]*)"', client.post("/uploads").text) for _ in range(2))
    assert first != second


def test_a_name_from_a_plain_form_is_shown(client: FlaskClient, bucket: str) -> None:
    image_id = new_id()
    boto3.client("s3").put_object(
        Bucket=bucket, Key=upload_key(image_id), Body=b"x", Metadata={"form-filename": "from a form.jpg"}
    )
    assert "from a form.jpg" in client.get(f"/images/{image_id}").text


@pytest.mark.parametrize(("path", "method"), [("/", "GET"), ("/uploads", "POST")])
def test_the_file_picker_offers_pictures_of_unknown_types_and_asks_for_no_conversion(
    client: FlaskClient, path: str, method: str
) -> None:
    accepted = attribute(client.open(path, method=method).text, 'input[^>]*type="file"', "accept").split(",")
    assert accepted[: len(CONTENT_TYPES)] == list(CONTENT_TYPES)  # Safari converts what is not named to the first
    assert {"image/*", "application/octet-stream", ".heic", ".hif", ".apng", ".mpo"} <= set(accepted)
