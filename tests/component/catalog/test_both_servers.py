"""MySQL and MariaDB give the same results, for all changes of a photo and all searches.

These tests are not collected if the tests run only on MariaDB.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pymysql
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import images, leases, pending, repeated_errors
from catalog.finder import find
from catalog.images import Annotation, Thumbnail
from catalog.keys import new_id
from catalog.search import parse
from catalog.uploads import Upload
from support.catalog_rows import empty

PARTS: list[images.Part] = ["thumbnail", "annotation"]
Question = Callable[[Any], object]

PIECES = list("aAäé\u0301ßøı\0\n\\\"'% 😀𠀀ﬁ²(*")
short = st.text(st.characters(codec="utf-8") | st.sampled_from(PIECES), max_size=12)
at_a_limit = st.builds(
    lambda piece, times: piece * times, st.sampled_from(PIECES), st.sampled_from([100, 101, 255, 500, 2000, 2001])
)
texts = st.one_of(short, short, short, at_a_limit)
ascii_texts = st.text(st.characters(max_codepoint=0x7F), max_size=70)
moments = st.integers(0, 10**15).map(lambda number: datetime(2010, 1, 1, tzinfo=UTC) + timedelta(microseconds=number))
counts = st.sampled_from([0, 1, 2**32 - 1, 2**32, -1])
tags = st.lists(texts, max_size=6).map(tuple)
uploads = st.builds(
    Upload,
    id=st.builds(new_id),
    filename=short,
    content_type=short,
    bytes=counts,
    etag=ascii_texts,
    uploaded_at=moments,
)
annotations = st.builds(
    Annotation,
    caption=texts,
    alt_text=texts,
    tags=tags,
    language=ascii_texts,
    model=short,
    prompt_version=st.none() | short,
    input_tokens=st.none() | counts,
    output_tokens=st.none() | counts,
)
thumbnails = st.builds(Thumbnail, width=counts, height=counts, content_type=texts, placeholder=ascii_texts)
lease_ends = moments.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=None))


@st.composite
def changes(draw: st.DrawFn, upload: Upload) -> Question:
    """Draw a change of a photo."""
    etag = draw(st.sampled_from([upload.etag, upload.etag, upload.etag.upper(), f"{upload.etag} "]))
    later = timedelta(microseconds=draw(st.sampled_from([0, 400_000, 700_000, 1_000_000, -1_000_000])))
    again = replace(upload, etag=draw(ascii_texts), uploaded_at=upload.uploaded_at + later)
    settled = draw(st.booleans())
    annotation, thumbnail, reason, lease = draw(annotations), draw(thumbnails), draw(texts), draw(lease_ends)
    part, error = draw(st.sampled_from(PARTS)), draw(st.sampled_from(["ValueError", "KeyError"]))
    caption, alt_text, some_tags = draw(st.none() | texts), draw(st.none() | texts), draw(st.none() | tags)
    change: Question = draw(
        st.sampled_from(
            [
                lambda to: images.register(to, again, is_settled=settled),
                lambda to: images.thumbnail_ready(to, upload.id, etag, thumbnail),
                lambda to: images.thumbnail_failed(to, upload.id, etag, reason),
                lambda to: leases.acquire(to, upload.id, etag, lease),
                lambda to: leases.release(to, upload.id, etag, lease),
                lambda to: images.annotation_ready(to, upload.id, etag, annotation),
                lambda to: images.annotation_failed(to, upload.id, etag, reason, lease),
                lambda to: repeated_errors.count_error(to, upload.id, etag, part, error, reason),
                lambda to: images.edit(to, upload.id, caption=caption, alt_text=alt_text, tags=some_tags),
                lambda to: images.retry(to, upload.id),
                lambda to: images.delete(to, upload.id),
                lambda to: pending.unknown_ids(to, {upload.id: etag}),
                lambda to: [pending.count_resending(to, photo) for photo in pending.overdue(to, 5)],
                lambda to: [pending.give_up(to, photo) for photo in pending.overdue(to, 5)],
            ]
        )
    )
    return change


def stored(image_id: str) -> Question:
    """Return a query for the row, without times from the server's clock."""

    def select(connection: Any) -> object:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT HEX(etag), HEX(search_text), claimed_until, resent, thumbnail_errors, annotation_errors,
                     deleted_at IS NULL, pending_since IS NULL,
                     resent_at IS NULL FROM image WHERE id = %s""",
                (image_id,),
            )
            return cursor.fetchone()

    return select


def assert_same(servers: list[Any], question: Question) -> None:
    answers = []
    for connection in servers:
        try:
            answers.append(question(connection))
        except pymysql.err.MySQLError as error:
            answers.append(type(error))
    assert answers[0] == answers[1]


def forget(servers: list[Any]) -> None:
    for connection in servers:
        empty(connection)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(uploads, st.data())
def test_both_have_the_same_row_after_any_changes(both_servers: list[Any], upload: Upload, data: st.DataObject) -> None:
    assert_same(both_servers, lambda to: images.register(to, upload))
    for change in data.draw(st.lists(changes(upload), min_size=3, max_size=8)):
        assert_same(both_servers, change)
        assert_same(both_servers, lambda to: images.get(to, upload.id))
        assert_same(both_servers, stored(upload.id))
    forget(both_servers)


def test_time_advances_within_a_transaction(both_servers: list[Any]) -> None:
    def lease_ends_in(connection: Any) -> object:
        connection.begin()
        first = leases.end(connection, 60)
        connection.cursor().execute("SELECT SLEEP(0.01)")
        second = leases.end(connection, 60)
        connection.rollback()
        return second > first, first.microsecond % 1000, second.microsecond % 1000

    assert lease_ends_in(both_servers[0]) == lease_ends_in(both_servers[1]) == (True, 0, 0)


WORDS = """
  Straße strasse Smørrebrød smorrebrod Ægir aegir Łódź lodz Đorđe dorde İstanbul ıstanbul ﬁnch finch ½half
  カメラ かめら ｶﾒﾗ ガラス カラス 카메라 ёлка елка άλφα αλφα œuvre oeuvre café cafe cafe\u0301 naïve Ångström
  中文字符 𠀀𠀁𠀂 abc😀def don't snake_case foo-bar kite.jpg IMG_1234.JPG x² x2y किताब คิดถึง שָׁלוֹם שלום
  مَرْحَبا مرحبا ＡＢＣ ⅷabc viiiabc ﬀoo ſtop abc\u200ddef abc\u00addef of the a
""".split()  # noqa: SIM905


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(WORDS) | short, min_size=1, max_size=30), st.data())
def test_both_find_the_same_photos(both_servers: list[Any], words: list[str], data: st.DataObject) -> None:
    for word in words:
        add(both_servers, word)
    for word in data.draw(st.lists(st.sampled_from([*WORDS, *words]), min_size=1, max_size=10)):
        query = data.draw(st.sampled_from([word, word[:3], word.upper(), word.casefold(), f"{word} {words[0]}"]))
        assert_same_search(both_servers, query)
    forget(both_servers)


def add(servers: list[Any], filename: str) -> None:
    photo = Upload(new_id(), filename, "image/jpeg", 1, "e1", datetime(2026, 11, 22, tzinfo=UTC))
    assert_same(servers, lambda to: images.register(to, photo))


def assert_same_search(servers: list[Any], query: str) -> None:
    assert_same(servers, lambda to: find(to, parse(query), 500, seconds=60))


LETTERS_IN_SEVERAL = [letter for letter in map(chr, range(sys.maxunicode + 1)) if len(letter.casefold()) > 1]
"""Letters that other cases write as several letters, such as ß, İ, ŉ and the ligature ﬁ."""


def test_both_find_letters_that_other_cases_write_as_several(both_servers: list[Any]) -> None:
    names = {case for letter in LETTERS_IN_SEVERAL for case in (letter, letter.casefold(), letter.upper())}
    for name in sorted(names):
        add(both_servers, name)
    for query in sorted(names):
        assert_same_search(both_servers, query)
    forget(both_servers)
