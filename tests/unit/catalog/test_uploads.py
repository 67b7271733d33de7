"""How photos are named, and the events that announce them."""

import json
import time
import unicodedata
from base64 import b64encode
from datetime import UTC, datetime
from encodings.aliases import aliases
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import uploads
from catalog.uploads import StoredObject, Upload, announced_objects, announcement


def notification(key: str, bucket: str = "photos") -> dict[str, object]:
    """An S3 notification as Lambda receives it from SNS."""
    message = {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}
    return {"Records": [{"Sns": {"Message": json.dumps(message)}}]}


def description(**changes: object) -> dict[str, object]:
    """What S3 answers to HeadObject."""
    return {
        "ContentLength": 1234,
        "ContentType": "image/jpeg",
        "ETag": '"abc"',
        "LastModified": datetime(2026, 11, 22, tzinfo=UTC),
        "Metadata": {},
    } | changes


def test_ids_are_version_7_uuids_that_sort_by_time() -> None:
    first = uploads.new_id()
    time.sleep(0.002)
    second = uploads.new_id()
    assert uploads.is_id(first)
    assert first < second


def test_a_moment_divides_the_ids_given_out_before_it_from_those_after() -> None:
    before = uploads.new_id()
    time.sleep(0.002)
    moment = datetime.now(UTC)
    time.sleep(0.002)
    assert before < uploads.lowest_id(moment) < uploads.new_id()


def test_ids_of_the_same_moment_differ() -> None:
    assert len({uploads.new_id() for _ in range(1000)}) == 1000


def test_an_id_can_be_read_back_from_its_key() -> None:
    image_id = uploads.new_id()
    assert uploads.image_id(uploads.upload_key(image_id)) == image_id


@pytest.mark.parametrize(
    "key",
    ["", "uploads/", "uploads/cat.jpg", "thumbnails/{id}/512.webp", "{id}", "uploads/{id}/more", "uploads/../{id}"],
)
def test_a_foreign_key_has_no_id(key: str) -> None:
    assert uploads.image_id(key.format(id=uploads.new_id())) is None


@given(st.text(min_size=1))
def test_a_key_is_decoded_exactly_once(key: str) -> None:
    assert announced_objects(notification(quote_plus(key))) == [StoredObject("photos", key)]


def test_a_key_that_looks_encoded_stays_as_it_is_after_decoding() -> None:
    assert announced_objects(notification("a%252Bb")) == [StoredObject("photos", "a%2Bb")]


def test_the_test_event_of_s3_announces_nothing() -> None:
    event = {"Records": [{"Sns": {"Message": json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"})}}]}
    assert announced_objects(event) == []


def test_an_event_may_announce_several_objects() -> None:
    event = {"Records": [*notification("a")["Records"], *notification("b")["Records"]]}  # type: ignore[misc]
    assert [stored.key for stored in announced_objects(event)] == ["a", "b"]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Records": [{}]},
        {"Records": None},
        {"Records": [{"Sns": {"Message": "no JSON"}}]},
        {"Records": [{"Sns": {"Message": "[]"}}]},
        {"Records": [{"Sns": {"Message": '{"Records": [{}]}'}}]},
    ],
)
def test_any_other_event_is_refused(event: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's own error is one too
        announced_objects(event)


@given(st.text(min_size=1))
def test_an_announcement_sent_again_reads_like_the_original(key: str) -> None:
    stored = StoredObject("photos", key)
    assert announced_objects(announcement(stored)) == [stored]


def test_an_upload_is_what_the_object_says() -> None:
    upload = Upload.from_object("id", description(Metadata=uploads.filename_metadata("Käse & Brot.jpg")))
    assert upload == Upload("id", "Käse & Brot.jpg", "image/jpeg", 1234, "abc", datetime(2026, 11, 22, tzinfo=UTC))


@given(st.text(max_size=300))
def test_a_file_name_of_any_characters_is_ascii_in_metadata_and_becomes_presentable(name: str) -> None:
    metadata = uploads.filename_metadata(name)
    assert metadata["filename"].isascii()
    shown = Upload.from_object("id", description(Metadata=metadata)).filename
    assert 1 <= len(shown) <= 255
    assert shown == uploads.clean_filename(name)


@pytest.mark.parametrize(
    ("metadata", "shown"),
    [
        ("cat.jpg", "cat.jpg"),
        ("100%25.jpg", "100%25.jpg"),
        ("=?UTF-8?B?8J+QiC5qcGc=?=", "🐈.jpg"),
        ("=?UTF-8?Q?K=C3=A4se.jpg?=", "Käse.jpg"),
        ("🏝️.jpg".encode().decode("latin-1"), "🏝️.jpg"),
        ("Käse.jpg", "Käse.jpg"),
    ],
)
def test_a_plain_forms_file_name_is_read_as_s3_returns_it(metadata: str, shown: str) -> None:
    assert Upload.from_object("id", description(Metadata={"form-filename": metadata})).filename == shown


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "raw_unicode_escape", "utf-16", "idna", "zlib", "none"])
def test_a_word_in_a_charset_that_s3_does_not_write_is_shown_as_it_is(charset: str) -> None:
    header = f"=?{charset}?q?cat.jpg?="
    assert Upload.from_object("id", description(Metadata={"form-filename": header})).filename == header


CHARSETS = st.sampled_from(
    [name for name in sorted(set(aliases.values())) if "_codec" not in name] + ["UTF-8", "x", ""]
)
WORDS = st.builds(
    "=?{}?{}?{}?=".format,
    CHARSETS,
    st.sampled_from(["q", "Q", "b", "B", "x"]),
    st.binary().map(lambda data: "".join(f"={byte:02X}" for byte in data))
    | st.binary().map(lambda data: b64encode(data).decode())
    | st.sampled_from(["=5Cud800", "=5CU0000D800", "+2AA-", "=ED=A0=80", "=00=D8", "ANg="]),
)
HEADERS = st.text() | st.lists(WORDS | st.text(max_size=5)).map(" ".join)
METADATA = st.dictionaries(st.sampled_from(["filename", "form-filename", "other"]), HEADERS)


@given(METADATA)
def test_whatever_metadata_an_object_has_its_name_can_be_shown_and_stored(metadata: dict[str, str]) -> None:
    name = Upload.from_object("id", description(Metadata=metadata)).filename
    assert 1 <= len(name) <= 255
    assert not {unicodedata.category(character) for character in name} & {"Cc", "Cs"}


@given(st.text(st.characters()) | st.text(st.characters(categories=["Cc", "Cs", "Cf", "Zl", "Zp"])))
def test_a_clean_name_has_neither_control_characters_nor_surrogates(name: str) -> None:
    clean = uploads.clean_filename(name)
    assert not {unicodedata.category(character) for character in clean} & {"Cc", "Cs", "Zl", "Zp"}
    assert uploads.clean_filename(clean) == clean


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        (r"C:\Users\me\cat.jpg", "cat.jpg"),
        ('a "quoted" name.jpg', 'a "quoted" name.jpg'),
        ("gpj.\u202ecat", "gpj.cat"),
        ("line\nbreak.jpg", "linebreak.jpg"),
        ("👩‍👩‍👧.jpg", "👩‍👩‍👧.jpg"),
        ("x" * 300, "x" * 255),
        ("", "untitled"),
        ("..", ".."),
        ("/", "untitled"),
    ],
)
def test_a_name_is_made_fit_to_be_shown(name: str, shown: str) -> None:
    assert uploads.clean_filename(name) == shown
