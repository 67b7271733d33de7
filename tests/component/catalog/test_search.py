"""Parsing of searches, and their results on a real server."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from catalog import images
from catalog.images import Annotation
from catalog.search import INDEXED_CHARACTERS, MAX_WORDS, parse
from catalog.uploads import Upload
from support.catalog_rows import ANNOTATION, an_upload

# ---- Parsing


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cat in orange", ("cat", "orange")),
        ("pixels-d.webp", ("pixels", "webp")),
        ("this-is-not-windows.jpg", ("this", "not", "windows", "jpg")),
        ("img_2031.jpg", ("img_2031", "jpg")),
        ("rock'n'roll, don’t stop", ("rock", "roll", "don", "stop")),
        ("東京タワー 猫", ("東京タワー",)),
        ("नमस्ते", ("नमस्ते",)),
    ],
)
def test_a_search_has_the_words_that_can_be_in_the_index(text: str, words: tuple[str, ...]) -> None:
    assert parse(text).words == words


@pytest.mark.parametrize(
    "text", ["t " * 100, "T t", "Cafe café CAFÉ cafe\u0301", "Straße STRASSE", "ﬁne fine", "ＣＡＴ cat"]
)
def test_words_that_differ_in_case_or_accents_are_duplicates(text: str) -> None:
    assert len(parse(text).words) == 1
    assert parse(text).ignored == ()


@pytest.mark.parametrize("text", ["", " ", "+", "*", "@", "🙂", "-- ! ?", "\u200b", "\ud800"])
def test_a_search_without_letters_and_digits_has_no_words(text: str) -> None:
    assert parse(text).words == ()


def test_words_after_the_eighth_are_ignored() -> None:
    search = parse("one two three four five six seven eight nine ten")
    assert search.words == ("one", "two", "three", "four", "five", "six", "seven", "eight")
    assert search.ignored == ("nine", "ten")


def test_prefixes_of_other_words_are_dropped() -> None:
    search = parse("aaa aaaa aaaaa cat Cats")
    assert search.words == ("aaaaa", "Cats")
    assert search.ignored == ()


def test_short_words_count_only_without_longer_ones() -> None:
    assert parse("a cat in it").ignored == ("a", "in", "it")
    assert parse("in it").words == ("in", "it")
    assert parse("猫").words == ("猫",)


@given(st.text())
def test_every_search_is_bounded(text: str) -> None:
    search = parse(text)
    assert len(search.words) <= MAX_WORDS
    assert set(search.words).isdisjoint(search.ignored)
    if any(sign.isalnum() for sign in text):
        assert search.words


# ---- Results


def add(connection: Any, filename: str = "kite.jpg", caption: str = "", tags: tuple[str, ...] = ()) -> str:
    """Add a photo with this text, and return its id."""
    upload = an_upload(filename=filename)
    images.register(connection, upload)
    images.annotation_ready(connection, upload.id, upload.etag, Annotation(caption, "", tags, "en", "gemini"))
    return upload.id


def found(connection: Any, query: str) -> list[str]:
    return [image.id for image in images.newest(connection, 50, search=parse(query))]


@pytest.mark.parametrize(
    "caption",
    [
        "cat in orange",
        "rocket or missile",
        "A cat in a hat, on a mat.",
        "Don't stop: it's a rock'n'roll show",
        "Ceci n’est pas une pipe",
        "A sign reads “No. 10 to 2.5 km”",
        "Zwei Straßenbahnen an der Großen Straße",
        "Cafe\u0301 am E\u0301toile, naïve façade",
        "東京タワーの夜景",
        "猫と犬",
        "नमस्ते दुनिया",
        "สวัสดีครับ",
        "한국어 사진",
        "Ёлка в парке",
        "صورة قطة",
        "x²+y² = 10, №7",
        "snake_case_name and _private_",
        "a " * 30 + "lighthouse",
        "Ten words and more of them are in this one caption",
        "𠮷野家の前",
        "𠮷𠮷𠮷",
        "a𠮷b",
        "𝐇𝐞𝐥𝐥𝐨 𝐰𝐨𝐫𝐥𝐝",
        "𞤀𞤣𞤤𞤢𞤥",
        "٣ قطط",
        "10",
        "ABC" * 50,
    ],
)
def test_a_pasted_caption_finds_its_photo(connection: Any, caption: str) -> None:
    image_id = add(connection, caption=caption)
    add(connection, caption="Another one")
    assert found(connection, caption) == [image_id]


@pytest.mark.parametrize(
    "filename",
    [
        "pixels-d.webp",
        "this-is-not-windows.jpg",
        "img_2031.jpg",
        "IMG 20261122-10.04.33 (2).JPG",
        "a.b.c.png",
        "1.gif",
        "élan vital #3.heic",
        "Ελλάδα '\"\\ 🏝️.jpg",
        "x" * 200 + ".jpg",
        "long_" * 40 + ".png",
        "it's-o'neil's.avif",
    ],
)
def test_a_file_name_finds_its_photo(connection: Any, filename: str) -> None:
    image_id = add(connection, filename)
    assert image_id in found(connection, filename)


@pytest.mark.parametrize("tag", ["猫", "犬", "TV", "x", "5", "é", "sandy beach", "rock'n'roll", "U.S.", "C++", "3D"])
def test_a_tag_finds_its_photo(connection: Any, tag: str) -> None:
    image_id = add(connection, tags=("something", tag))
    add(connection, filename="other.png", tags=("else",))
    assert found(connection, tag) == [image_id]


def test_an_incomplete_word_finds_words_with_that_prefix(connection: Any) -> None:
    caption = "A lighthouse above the harbour of a small town"
    image_id = add(connection, caption=caption)
    for end in range(4, len(caption)):
        assert found(connection, caption[:end]) == [image_id], caption[:end]


def test_a_short_word_matches_the_beginning_of_words(connection: Any) -> None:
    image_id = add(connection, caption="A cat in orange")
    add(connection, caption="A pointed painting")
    assert found(connection, "in") == [image_id]
    assert found(connection, "IN OR") == [image_id]


@pytest.mark.parametrize("sign", [*"- '.‿№Ⓐ😀", "\u00ad", "\u200d"])
def test_a_short_word_begins_after_a_sign_that_separates_words(connection: Any, sign: str) -> None:
    image_id = add(connection, caption=f"x{sign}in")
    assert found(connection, "in") == [image_id]


@pytest.mark.parametrize("sign", [*"_1²½٣é猫𠮷ः", "\u0301", "\u20dd"])
def test_a_short_word_does_not_begin_within_a_word(connection: Any, sign: str) -> None:
    add(connection, caption=f"x{sign}in {sign}in")
    assert found(connection, "in") == []


@pytest.mark.parametrize("word", ["ως", "ωσ", "Ως", "ΩΣ", "ωΣ"])
def test_a_short_word_matches_all_cases_of_its_letters(connection: Any, word: str) -> None:
    image_id = add(connection, caption=f"Χαρούμενος {word} παιδί")
    for query in ("ως", "ωσ", "ΩΣ"):
        assert found(connection, query) == [image_id]


@pytest.mark.parametrize(("word", "query"), [("ß", "SS"), ("ss", "ß"), ("ﬁ", "fi"), ("İ", "i"), ("ŉ", "ʼn")])
def test_a_short_word_does_not_match_a_case_of_other_length(connection: Any, word: str, query: str) -> None:
    add(connection, caption=word)
    assert found(connection, query) == []


def test_a_search_for_short_words_needs_each_of_them(connection: Any) -> None:
    add(connection, caption="in")
    both = add(connection, caption="in on")
    assert found(connection, "in on") == [both]


@given(query=st.text(max_size=40) | st.text(alphabet="+-<>()~*\"@'%\\_ ab猫\ud800\x00", max_size=40))
@example("+" * 8)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_search_is_an_error(connection: Any, query: str) -> None:
    found(connection, query)


def test_words_of_the_minimum_and_maximum_length_of_the_index(connection: Any) -> None:
    for length in (INDEXED_CHARACTERS.start, INDEXED_CHARACTERS.stop - 1):
        image_id = add(connection, caption="z" * length)
        search = parse("z" * length)
        assert search.is_indexed
        assert image_id in {image.id for image in images.newest(connection, 50, search=search)}
        assert replace(search, words=("z" * INDEXED_CHARACTERS.stop,)).is_indexed is False


@pytest.mark.parametrize("query", ["kite", "KITE", "beach", "red kite", "bea", "the long", "with tail", "kite.jpg"])
def test_a_search_covers_file_name_caption_alt_text_and_tags(connection: Any, upload: Upload, query: str) -> None:
    words = replace(ANNOTATION, alt_text="A red kite with the long tail")
    images.annotation_ready(connection, upload.id, upload.etag, words)
    assert found(connection, query) == [upload.id]


def test_a_search_needs_every_word(connection: Any, upload: Upload) -> None:
    images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    assert found(connection, "kite submarine") == []


def test_a_search_does_not_find_a_deleted_photo(connection: Any, upload: Upload) -> None:
    images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    images.delete(connection, upload.id)
    assert found(connection, "kite") == []
