"""Searches find photos and say how many there are, what matched, and what to try instead."""

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.gallery_photos import ANNOTATION, GalleryPhotos

NO_WORDS = "The search has no words. Enter letters or digits."
PREFIXES = [letter * 3 for letter in "abcdefgh"]
SLOW = " ".join(PREFIXES)


def search(client: FlaskClient, query: str) -> Any:
    return client.get("/api/images", query_string={"q": query})


def found(client: FlaskClient, query: str) -> list[str]:
    return [image["id"] for image in search(client, query).json["images"]]


def test_a_search_finds_words_of_names_captions_and_tags(
    client: FlaskClient, photos: GalleryPhotos, ready_photo: str
) -> None:
    photos.add("other.jpg")
    for query in ("beach", "KITE red", "sand", "kite.jpg"):
        assert found(client, query) == [ready_photo], query
    assert found(client, "submarine") == []


def test_a_complete_caption_finds_its_photo(client: FlaskClient, photos: GalleryPhotos) -> None:
    caption = "A red kite over the beach, in the wind of an autumn day. " * 35
    image_id = photos.add(annotation=replace(ANNOTATION, caption=caption))
    assert found(client, caption) == [image_id]


@given(query=st.text(max_size=200) | st.text(alphabet="+-<>()~*\"@'%\\ ab", max_size=200))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_query_succeeds_or_has_no_words(client: FlaskClient, query: str) -> None:
    response = search(client, query)
    assert response.status_code == 200 or response.json["error"]["message"] == NO_WORDS


@pytest.mark.parametrize("query", ["+", "*", "@", "🙂", "- ! ?"])
def test_a_query_without_words_is_rejected(client: FlaskClient, query: str) -> None:
    response = search(client, query)
    assert (response.status_code, response.json["error"]["message"]) == (400, NO_WORDS)


@pytest.mark.parametrize("query", ["", " ", "\t \n"])
def test_a_blank_query_lists_all_photos(client: FlaskClient, ready_photo: str, query: str) -> None:
    assert found(client, query) == [ready_photo]
