"""The page of a search, without JavaScript: how many photos match, what matched, and what to try instead."""

import html
import json
import re
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from catalog import word_index
from support.gallery_photos import ANNOTATION, GalleryPhotos
from web import search_budget

STOPPED = "The search was stopped because it took too long, so more photos may match. Add a word"


def results(client: FlaskClient, query: str) -> str:
    """Return the main part of the page of a search, without the templates that scripts copy."""
    page = client.get("/", query_string={"q": query}).text
    return page[page.index("<main") : page.index("<template")]


def text(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", markup)).split())


def heading(page: str) -> str:
    (shown,) = re.findall(r"<h1.*?</h1>", page, re.DOTALL)
    return text(shown)


def marked(page: str) -> list[str]:
    return [html.unescape(part) for part in re.findall(r"<mark>(.*?)</mark>", page)]


def test_a_search_says_how_many_photos_match(client: FlaskClient, photos: GalleryPhotos) -> None:
    for number in range(52):
        photos.add(f"kite {number}.jpg")
    page = results(client, "kite")
    assert heading(page) == "52 photos match kite"
    assert 'href="/">Show all</a>' in page
    assert heading(results(client, "file:51")) == "1 photo matches file:51"


def test_the_title_says_how_many_photos_match(client: FlaskClient, ready_photo: str) -> None:
    page = client.get("/", query_string={"q": "kite"}).text
    assert "<title>1 photo matches kite – Gallery</title>" in page


def test_later_pages_do_not_count(client: FlaskClient, photos: GalleryPhotos) -> None:
    for number in range(51):
        photos.add(f"kite {number}.jpg")
    (link,) = re.findall(r'id="more"[^>]* href="([^"]*)"', results(client, "kite"))
    query = parse_qs(urlsplit(html.unescape(link)).query)
    page = client.get("/", query_string=query).text
    assert heading(page) == "Older photos that match kite"
    assert page.count('<li class="card" data-id="0') == 1


def test_a_search_without_results_gives_tips(client: FlaskClient, ready_photo: str) -> None:
    page = results(client, "submarine")
    assert heading(page) == "No photo matches submarine"
    assert '<details class="tips" open>' in page
    assert "Did you mean" not in page


def test_a_search_with_results_offers_tips(client: FlaskClient, ready_photo: str) -> None:
    assert '<details class="tips">' in results(client, "kite")


def test_a_misspelled_word_is_corrected_and_the_rest_is_kept(
    client: FlaskClient, photos: GalleryPhotos, ready_photo: str
) -> None:
    with photos.database.connection() as connection:
        word_index.count_words(connection)
    page = results(client, 'kiet "sandy beach" -dog')
    assert 'Did you mean kite "sandy beach" -dog?' in text(page)
    (link,) = re.findall(r'Did you mean <a href="([^"]*)"', page)
    assert heading(client.get(html.unescape(link)).text) == '1 photo matches kite "sandy beach" -dog'


def test_words_that_do_not_count_are_named(client: FlaskClient, ready_photo: str) -> None:
    page = results(client, "a red kite over the beach long tail 4000 sandy")
    assert "Ignored: 4000 sandy. A search uses up to eight words." in text(page)
    assert "Ignored" not in results(client, "kite")


def test_a_search_that_took_too_long_says_so(
    client: FlaskClient, ready_photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert STOPPED not in text(results(client, "kite"))
    monkeypatch.setattr(search_budget, "ALONE_SECONDS", 0.0)
    assert STOPPED in text(results(client, "kite"))


def test_what_matched_is_marked(client: FlaskClient, photos: GalleryPhotos) -> None:
    caption = "Kites & <kite> over kitesurfers."
    photos.add("kite.jpg", annotation=replace(ANNOTATION, caption=caption, tags=("kite", "sand")))
    page = results(client, "kite ")
    assert marked(page) == ["kite", "Kites", "kite", "kite"]  # the file name is shown until there is a thumbnail
    assert "<mark>Kites</mark> &amp; &lt;<mark>kite</mark>&gt; over kitesurfers." in page


def test_scripts_know_what_matched(client: FlaskClient, photos: GalleryPhotos) -> None:
    photos.add("o'kite.jpg")
    photos.add("Kite's <tail>.jpg")
    (parts,) = re.findall(r"data-parts='([^']*)'", results(client, "kite "))
    assert json.loads(parts) == ["Kite", "kite"]


def test_nothing_is_marked_without_a_search(client: FlaskClient, ready_photo: str) -> None:
    page = client.get("/").text
    assert marked(page) == []
    assert "data-parts" not in page


@pytest.mark.parametrize("tag", ["sandy beach", "rock'n'roll & more", 'the "red" kite', "ショッピングモール"])
def test_the_link_of_a_tag_finds_it(client: FlaskClient, photos: GalleryPhotos, tag: str) -> None:
    tagged = photos.add(annotation=replace(ANNOTATION, tags=(tag,)))
    photos.add(annotation=replace(ANNOTATION, caption=tag, tags=()))
    (link,) = re.findall(r'<li><a dir="auto" href="([^"]*)"', client.get("/").text)
    found = re.findall(r'<li class="card" data-id="([^"]+)"', client.get(html.unescape(link)).text)
    assert found == [tagged]


def test_a_search_without_words_keeps_the_box(client: FlaskClient) -> None:
    response = client.get("/?q=%2B")
    assert response.status_code == 400
    assert 'name="q" value="+"' in response.text
