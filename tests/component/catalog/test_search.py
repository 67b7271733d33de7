"""Searches find photos by the index of words."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import finder, images, word_index
from catalog.finder import find
from catalog.images import Annotation, Image
from catalog.search import parse
from catalog.uploads import Upload
from support.catalog_rows import ANNOTATION, THUMBNAIL, all_photos, an_upload


def add(
    connection: Any,
    filename: str = "x.jpg",
    caption: str = "",
    tags: tuple[str, ...] = (),
    language: str = "en",
    model: str = "gemini",
) -> str:
    """Add a photo with this text, and return its id."""
    upload = an_upload(filename=filename)
    images.register(connection, upload)
    images.annotation_ready(connection, upload.id, upload.etag, Annotation(caption, "", tags, language, model))
    return upload.id


def found(connection: Any, query: str) -> list[str]:
    return [image.id for image in find(connection, parse(query), 50).images]


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
@pytest.mark.parametrize("form", ["{}", '"{}"', "{} "])
def test_a_pasted_caption_finds_its_photo(connection: Any, caption: str, form: str) -> None:
    image_id = add(connection, caption=caption)
    add(connection, caption="Yet else")
    assert found(connection, form.format(caption)) == [image_id]


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
        "10001567_000_001",
    ],
)
@pytest.mark.parametrize("form", ["{}", "file:{}"])
def test_a_file_name_finds_its_photo(connection: Any, filename: str, form: str) -> None:
    image_id = add(connection, filename)
    assert image_id in found(connection, form.format(filename))


TAGS = ["猫", "犬", "TV", "5", "é", "sandy beach", "rock'n'roll", "U.S.", "C++", "3D", "Katze", "สีส้ม", "x" * 50]


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("form", ["{}", 'tag:"{}"'])
def test_a_tag_finds_its_photo(connection: Any, tag: str, form: str) -> None:
    image_id = add(connection, tags=("something", tag))
    add(connection, filename="other.png", tags=("another",))
    assert found(connection, form.format(tag)) == [image_id]


def test_a_tag_is_found_as_a_whole(connection: Any) -> None:
    whole = add(connection, tags=("cat",))
    add(connection, caption="A cat", tags=("cat food", "black cat"))
    assert found(connection, "tag:cat") == [whole]


def test_an_incomplete_word_finds_words_with_that_prefix(connection: Any) -> None:
    caption = "A lighthouse above the harbour of a small town"
    image_id = add(connection, caption=caption)
    for end in range(1, len(caption)):
        assert found(connection, caption[:end]) == [image_id], caption[:end]


@pytest.mark.parametrize(
    ("word", "others", "language"),
    [
        ("cat", "cats", "en"),
        ("beach", "beaches", "en"),
        ("running", "run runs", "en"),
        ("Häuser", "Haus hausen", "de"),
        ("кошки", "кошка кошками", "ru"),
        ("chevaux", "cheval", "fr"),
    ],
)
def test_a_word_finds_others_with_its_stem(connection: Any, word: str, others: str, language: str) -> None:
    image_id = add(connection, caption=word, language=language)
    for other in others.split():
        assert found(connection, f"{other} ") == [image_id]
        assert found(connection, f'"{other}"') == []


def test_a_search_needs_every_word(connection: Any) -> None:
    add(connection, caption="A red kite")
    assert found(connection, "kite submarine") == []


def test_alternatives_exclusions_and_phrases(connection: Any) -> None:
    cat = add(connection, caption="A black cat by the sea")
    dog = add(connection, caption="A black dog, the sea is by")
    bird = add(connection, caption="A bird")
    assert found(connection, "cat OR dog") == [dog, cat]
    assert found(connection, "black -dog") == [cat]
    assert found(connection, "-black") == [bird]
    assert found(connection, '"by the sea"') == [cat]
    assert found(connection, '-"by the sea" ') == [bird, dog]
    assert found(connection, '"by the sea" OR bird ') == [bird, cat]
    assert found(connection, "-cat -dog -bird ") == []


def test_a_phrase_does_not_reach_from_one_text_into_another(connection: Any) -> None:
    add(connection, caption="A red", tags=("kite",))
    assert found(connection, '"red kite"') == []


def test_states_models_and_dates_select_photos(connection: Any) -> None:
    moment = datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)
    old = an_upload(uploaded_at=moment, id="019b7692-b618-7000-8000-000000000000")
    images.register(connection, old)
    images.thumbnail_failed(connection, old.id, old.etag, "No image")
    offline = add(connection, caption="A cat", model="offline-tagger")
    edited = add(connection, caption="A cat", model="gemini-3")
    images.edit(connection, edited, tags=["mine"])
    for image_id in (offline, edited):
        images.thumbnail_ready(connection, image_id, "e1", THUMBNAIL)
    for query, expected in {
        "is:failed": [old.id],
        "is:pending": [old.id],
        "is:edited": [edited],
        "is:offline": [offline],
        "model:offline": [offline],
        "model:gemini-3": [edited],
        "cat -is:edited": [offline],
        "before:2026": [old.id],
        "after:2026": [edited, offline],
        "after:2025-12-31 before:2026-01-01": [old.id],
        "is:failed OR tag:mine": [edited, old.id],
        "is:offline is:edited": [],
        "-is:offline ": [edited, old.id],
    }.items():
        assert found(connection, query) == expected, query


@pytest.mark.parametrize("query", ["kite", "KITE", "beach", "red kite", "bea", "the long", "with tail", "kite.jpg"])
def test_a_search_covers_file_name_caption_alt_text_and_tags(connection: Any, upload: Upload, query: str) -> None:
    texts = replace(ANNOTATION, alt_text="A red kite with the long tail")
    images.annotation_ready(connection, upload.id, upload.etag, texts)
    assert found(connection, query) == [upload.id]


def test_pages_of_results_continue_where_the_last_one_ended(connection: Any) -> None:
    ids = [add(connection, caption="A kite") for _ in range(7)]
    newest = find(connection, parse("kite"), 3).images
    older = find(connection, parse("kite"), 10, before=newest[-1].id).images
    assert [image.id for image in newest + older] == sorted(ids, reverse=True)


def test_results_are_counted(connection: Any) -> None:
    for _ in range(5):
        add(connection, caption="A kite")
    result = find(connection, parse("kite"), 2)
    assert (len(result.images), result.count, result.is_partial) == (2, 5, False)


def test_results_are_counted_up_to_a_limit(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finder, "MAX_COUNT", 3)
    for _ in range(5):
        add(connection, caption="A kite")
    assert find(connection, parse("kite"), 2).count == finder.MAX_COUNT + 1


def test_a_search_that_takes_too_long_returns_what_it_has(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finder, "FIRST_WINDOW", 2)
    ids = [add(connection, caption="A kite") for _ in range(5)]
    result = find(connection, parse("kite"), 50, seconds=0)
    assert [image.id for image in result.images] == sorted(ids, reverse=True)[:2]
    assert result.is_partial


def test_a_phrase_is_checked_in_parts_so_that_it_can_end_in_time(
    connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finder, "CHECKED", 2)
    ids = [add(connection, caption="A red kite") for _ in range(5)]
    result = find(connection, parse('"red kite"'), 50, seconds=0)
    assert [image.id for image in result.images] == sorted(ids, reverse=True)[:2]
    assert result.is_partial


def test_a_search_does_not_find_a_deleted_photo(connection: Any, upload: Upload) -> None:
    images.delete(connection, upload.id)
    assert found(connection, "kite") == found(connection, "-cat") == []


# ---- Any search, with the photos themselves as the model

VOCABULARY = ["cat", "cats", "Cat", "dog", "kite", "kites", "red", "sea", "by", "a", "1", "12", "猫", "猫犬", "ё"]
captions = st.lists(st.sampled_from(VOCABULARY), max_size=6).map(" ".join)
terms = st.one_of(
    st.sampled_from(VOCABULARY),
    captions.map('"{}"'.format),
    st.sampled_from(VOCABULARY).map("tag:{}".format),
    st.sampled_from(["file:1", "file:img_1", "is:edited", "is:pending", "is:offline", "model:gemini", "after:2026"]),
)
queries = st.lists(
    st.tuples(st.sampled_from(["", "", "", "-"]), terms).map("".join) | st.just("OR"), min_size=1, max_size=6
).map(" ".join)
photos = st.fixed_dictionaries(
    {
        "filename": st.sampled_from(["img_1.jpg", "img_12.jpg", "cat.png"]),
        "caption": captions,
        "tags": st.lists(st.sampled_from(VOCABULARY), max_size=2).map(tuple),
        "language": st.sampled_from(["en", "ru", "ja"]),
        "model": st.sampled_from(["gemini", "offline-tagger"]),
    }
)


def matching(rows: list[Image], query: str) -> list[str]:
    languages = sorted({row.language for row in rows if row.language})
    return [row.id for row in rows if parse(query).matches(row, languages)]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(some=st.lists(photos, min_size=1, max_size=12), asked=st.lists(queries, min_size=5, max_size=15), data=st.data())
def test_a_search_finds_exactly_the_photos_that_match(
    connection: Any, monkeypatch: pytest.MonkeyPatch, some: list[dict[str, Any]], asked: list[str], data: st.DataObject
) -> None:
    for name, sizes in {
        "FIRST_WINDOW": [1, 3],
        "MAX_EXPANSIONS": [1, 64],
        "MAX_ROWS": [1, 100],
        "MAX_COUNTED": [1, 16],
        "MAX_COUNT": [2, 1000],
    }.items():
        monkeypatch.setattr(finder, name, data.draw(st.sampled_from(sizes), label=name))
    with connection.cursor() as cursor:
        for table in ("image", "image_word", "word", "word_change"):
            cursor.execute(f"DELETE FROM {table}")
    ids = [add(connection, **photo) for photo in some]
    for image_id in data.draw(st.lists(st.sampled_from(ids), max_size=3)):
        images.edit(connection, image_id, caption="my cat by the sea", tags=["red"])
    if data.draw(st.booleans(), label="counted"):
        word_index.count_words(connection)
    if data.draw(st.booleans(), label="an older release writes"):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE image SET caption = 'the red kite' WHERE id = %s", (ids[0],))
    rows = all_photos(connection)
    for query in asked:
        assert found(connection, query) == matching(rows, query), query


@given(query=st.text(max_size=40) | st.text(alphabet="+-<>()~*\"@'%\\_: abOR猫\ud800\x00", max_size=40))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_search_is_an_error(connection: Any, query: str) -> None:
    found(connection, query)
