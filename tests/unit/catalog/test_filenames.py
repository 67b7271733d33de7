"""File names, as an upload's metadata holds them."""

import unicodedata
from base64 import b64encode
from datetime import UTC, datetime
from encodings.aliases import aliases

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.filenames import clean_filename, filename_metadata, read_filename
from catalog.uploads import Upload


def test_an_upload_describes_its_object() -> None:
    description = {
        "ContentLength": 1234,
        "ContentType": "image/jpeg",
        "ETag": '"abc"',
        "LastModified": datetime(2026, 11, 22, tzinfo=UTC),
        "Metadata": filename_metadata("Käse & Brot.jpg"),
    }
    upload = Upload.from_object("id", description)
    assert upload == Upload("id", "Käse & Brot.jpg", "image/jpeg", 1234, "abc", datetime(2026, 11, 22, tzinfo=UTC))


@given(st.text(max_size=300))
def test_any_file_name_is_ascii_in_metadata_and_read_back_clean(name: str) -> None:
    metadata = filename_metadata(name)
    assert metadata["filename"].isascii()
    shown = read_filename(metadata)
    assert 1 <= len(shown) <= 255
    assert shown == clean_filename(name)


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
def test_the_file_name_of_a_plain_form_is_decoded(metadata: str, shown: str) -> None:
    assert read_filename({"form-filename": metadata}) == shown


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "raw_unicode_escape", "utf-16", "idna", "zlib", "none"])
def test_a_word_in_another_charset_is_not_decoded(charset: str) -> None:
    header = f"=?{charset}?q?cat.jpg?="
    assert read_filename({"form-filename": header}) == header


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
def test_a_name_from_any_metadata_can_be_shown_and_stored(metadata: dict[str, str]) -> None:
    name = read_filename(metadata)
    assert 1 <= len(name) <= 255
    assert not {unicodedata.category(character) for character in name} & {"Cc", "Cs"}


@given(st.text(st.characters()) | st.text(st.characters(categories=["Cc", "Cs", "Cf", "Zl", "Zp"])))
def test_a_clean_name_has_no_control_characters_or_surrogates(name: str) -> None:
    clean = clean_filename(name)
    assert not {unicodedata.category(character) for character in clean} & {"Cc", "Cs", "Zl", "Zp"}
    assert clean_filename(clean) == clean


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
def test_a_name_is_cleaned(name: str, shown: str) -> None:
    assert clean_filename(name) == shown
