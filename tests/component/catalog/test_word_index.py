"""The index of words follows the texts of photos, and the counts of words follow the index."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import images, vocabulary, word_index
from catalog.database import Database
from catalog.keys import new_id
from catalog.search import parse, texts_of
from catalog.transaction import atomic
from catalog.uploads import Upload
from catalog.vocabulary import WordCount
from support.catalog_rows import ANNOTATION, all_photos, an_upload, empty


def rows(connection: Any, statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def index_of(connection: Any) -> set[tuple[str, str]]:
    """Return the entries of each photo."""
    return {(word, word_index.id_of(key)) for word, key in rows(connection, "SELECT word, image_id FROM image_word")}


def count(connection: Any) -> None:
    """Apply all changes to the counts."""
    counted = 1
    while counted:
        with atomic(connection):
            counted = word_index.count_words(connection)


def entries(connection: Any, upload: Upload) -> set[str]:
    return {word for word, image_id in index_of(connection) if image_id == upload.id}


def test_the_index_has_words_stems_tags_and_the_language(connection: Any, upload: Upload) -> None:
    assert entries(connection, upload) == {"*", "kite", "jpg"}
    photo = replace(ANNOTATION, caption="Two kites", alt_text="", tags=("Sandy Beach", "–"))
    images.annotation_ready(connection, upload.id, upload.etag, photo)
    words = {"kite", "jpg", "two", "kites", "~kite", "sandy", "~sandi", "beach"}
    assert entries(connection, upload) == {"*", "@en", "#sandy beach"} | words


def test_an_edit_replaces_the_words(connection: Any, upload: Upload) -> None:
    images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    images.edit(connection, upload.id, caption="A dog", alt_text="", tags=[])
    assert entries(connection, upload) == {"*", "@en", "kite", "jpg", "a", "dog"}
    images.restore(connection, upload.id)
    assert "beach" in entries(connection, upload)


def test_a_deleted_photo_leaves_the_index(connection: Any, upload: Upload) -> None:
    images.delete(connection, upload.id)
    assert index_of(connection) == set()


def test_texts_and_index_change_together(database: Database, connection: Any, upload: Upload) -> None:
    with suppress(ZeroDivisionError), database.transaction() as other:
        images.edit(other, upload.id, caption="A dog")
        raise ZeroDivisionError
    assert "dog" not in entries(connection, upload)


def test_words_are_counted(connection: Any) -> None:
    for caption in ("red kite", "red dog", "dogs"):
        upload = an_upload(filename="x")
        images.register(connection, upload)
        images.edit(connection, upload.id, caption=caption)
    assert vocabulary.suggest(connection, "r") == []
    count(connection)
    assert vocabulary.suggest(connection, "r") == [WordCount("red", 2)]
    assert vocabulary.suggest(connection, "a d") == [WordCount("dog", 1), WordCount("dogs", 1)]
    assert vocabulary.suggest(connection, "-") == []
    images.delete(connection, upload.id)
    count(connection)
    assert vocabulary.suggest(connection, "DOG") == [WordCount("dog", 1)]


@pytest.mark.parametrize(
    ("query", "better"),
    [
        ("oragne", "orange"),
        ("A Oragne, tag:x ", "A orange, tag:x "),
        ("orang", "orange"),
        ("oranges", "orange"),
        ("ornge lihgthouse", "orange lighthouse"),
        ("кошкаа", "кошка"),
        ("orange", None),
        ("xyz", None),
        ("or", None),
        ("-oragne", None),
    ],
)
def test_a_known_word_corrects_one_that_is_close(connection: Any, upload: Upload, query: str, better: str) -> None:
    images.edit(connection, upload.id, caption="An orange lighthouse, кошка и 猫")
    count(connection)
    assert vocabulary.correct(connection, query, parse(query)) == better


def test_the_most_frequent_of_the_close_words_is_suggested(connection: Any) -> None:
    for caption in ("cart", "cast", "cast"):
        upload = an_upload()
        images.register(connection, upload)
        images.edit(connection, upload.id, caption=caption)
    count(connection)
    assert vocabulary.correct(connection, "caxt", parse("caxt")) == "cast"


def test_photos_that_are_written_at_once_do_not_wait_for_each_other(database: Database, connection: Any) -> None:
    with database.transaction() as other:
        images.register(other, an_upload())
        images.register(connection, an_upload())
        with atomic(connection):
            assert word_index.count_words(connection) == 1


def test_the_same_photo_can_be_written_by_many_at_once(database: Database, connection: Any) -> None:
    upload = an_upload()

    def write(number: int) -> None:
        with database.connection() as own:
            images.register(own, upload)
            images.edit(own, upload.id, caption=f"number {number % 3}", tags=[f"tag {number % 2}"])

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(write, range(30)))
    assert_complete(connection)


def assert_complete(connection: Any) -> None:
    """Assert that index and counts are those of all photos."""
    photos = all_photos(connection)
    expected = {(entry, photo.id) for photo in photos for entry in texts_of(photo).entries}
    assert index_of(connection) == expected
    assert rows(connection, "SELECT id FROM image WHERE is_outdated") == []
    count(connection)
    counts = dict(rows(connection, "SELECT word, images FROM word WHERE images <> 0"))
    assert counts == Counter(entry for entry, _ in expected)


names = st.text(max_size=20) | st.sampled_from(["img_1.jpg", "Ä.png", "猫の手.gif"])
texts = st.none() | st.text(max_size=40) | st.sampled_from(["cats", "Two cats, 2 dogs", "猫と犬", "ß" * 2000])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from(["register", "replace", "annotate", "edit", "restore", "delete", "old release", "index"]),
            names,
            texts,
            st.lists(st.text(max_size=10), max_size=3),
        ),
        max_size=12,
    )
)
def test_index_and_counts_are_complete_after_any_changes(connection: Any, changes: list[Any]) -> None:
    empty(connection)
    photos = [an_upload() for _ in range(3)]
    for number, change, name, text, tags in changes:
        photo = photos[number]
        match change:
            case "register":
                images.register(connection, replace(photo, filename=name))
            case "replace":
                images.register(connection, replace(photo, filename=name, etag=new_id()), is_settled=True)
            case "annotate":
                annotation = replace(ANNOTATION, caption=text or "", tags=tuple(tags), language="de")
                images.annotation_ready(connection, photo.id, photo.etag, annotation)
            case "edit":
                images.edit(connection, photo.id, caption=text, tags=tags)
            case "restore":
                images.restore(connection, photo.id)
            case "delete":
                images.delete(connection, photo.id)
            case "old release":
                with connection.cursor() as cursor:
                    cursor.execute("UPDATE image SET caption = %s WHERE id = %s", (text, photo.id))
            case "index":
                index_all(connection)
    index_all(connection)
    assert_complete(connection)


def index_all(connection: Any) -> None:
    with atomic(connection):
        word_index.index_outdated(connection)
