"""The language of searches."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.search import (
    MAX_WORDS,
    After,
    Alternative,
    Before,
    File,
    Is,
    Model,
    Phrase,
    Tag,
    Term,
    Word,
    parse,
)


def clauses(text: str) -> list[list[Term | tuple[str, Term]]]:
    """Return the clauses of a search; `-` marks excluded terms."""
    return [
        [("-", found.term) if found.is_excluded else found.term for found in clause] for clause in parse(text).clauses
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("orange cat", [[Word("orange")], [Word("cat", is_prefix=True)]]),
        ("orange cat ", [[Word("orange")], [Word("cat")]]),
        ("Cafe café x", [[Word("cafe")], [Word("x", is_prefix=True)]]),
        ('"by the sea"', [[Phrase(("by", "the", "sea"))]]),
        ("“by the sea” cat", [[Phrase(("by", "the", "sea"))], [Word("cat", is_prefix=True)]]),
        ('"unfinished phr', [[Phrase(("unfinished", "phr"))]]),
        ('5"pipe"', [[Word("5")], [Phrase(("pipe",))]]),
        ("cat -dog", [[Word("cat")], [("-", Word("dog"))]]),
        ("-img_12", [[("-", Phrase(("img", "12")))]]),
        ('-"red kite"', [[("-", Phrase(("red", "kite")))]]),
        ("cat - dog", [[Word("cat")], [Word("dog", is_prefix=True)]]),
        ("cat OR dog bird", [[Word("cat"), Word("dog")], [Word("bird", is_prefix=True)]]),
        ("a OR b OR -c", [[Word("a"), Word("b"), ("-", Word("c"))]]),
        ("rocket or missile", [[Word("rocket")], [Word("or")], [Word("missile", is_prefix=True)]]),
        ("OR cat", [[Word("or")], [Word("cat", is_prefix=True)]]),
        ("cat OR", [[Word("cat")], [Word("or", is_prefix=True)]]),
        ("cat OR + dog", [[Word("cat"), Word("dog", is_prefix=True)]]),
        ("img_12.jpg OR cat ", [[Phrase(("img", "12", "jpg")), Word("cat")]]),
        ("pixels-d.webp", [[Word("pixels")], [Word("d")], [Word("webp", is_prefix=True)]]),
        ("tag:cat", [[Tag(("cat",))]]),
        ('Tag:"Sandy Beach"', [[Tag(("sandy", "beach"))]]),
        ("file:IMG_12", [[File(("img", "12"))]]),
        ("is:failed is:Offline", [[Is("failed")], [Is("offline")]]),
        ("model:gemini-3.5 model:offline", [[Model("gemini-3.5")], [Model("offline-tagger")]]),
        ("before:2026-01-31 ", [[Before(datetime(2026, 1, 31, tzinfo=UTC))]]),
        ("after:2026-03", [[After(datetime(2026, 3, 1, tzinfo=UTC))]]),
        ("after:2026", [[After(datetime(2026, 1, 1, tzinfo=UTC))]]),
        ("-before:2026", [[("-", Before(datetime(2026, 1, 1, tzinfo=UTC)))]]),
        ("before:2026-02-30 ", [[Word("before")], [Word("2026")], [Word("02")], [Word("30")]]),
        ("is:nice ", [[Word("is")], [Word("nice")]]),
        ("tag: ", [[Word("tag")]]),
        ("at 12:30 ", [[Word("at")], [Word("12")], [Word("30")]]),
        ("https://example.org ", [[Word("https")], [Word("example")], [Word("org")]]),
        ("cat cat cat ", [[Word("cat")]]),
    ],
)
def test_a_text_is_a_search(text: str, expected: list[list[Term]]) -> None:
    assert clauses(text) == expected


@pytest.mark.parametrize("text", ["", " ", "+", "*", "@", "🙂", "-- ! ?", '""', "\u200b", "\ud800"])
def test_a_text_without_letters_and_digits_has_no_clauses(text: str) -> None:
    assert parse(text).clauses == ()


def test_words_after_the_eighth_are_ignored() -> None:
    search = parse("one two three four five six seven eight nine ten nine")
    assert len(search.clauses) == MAX_WORDS
    assert search.ignored == ("nine", "ten")


def test_a_long_quotation_is_cut() -> None:
    search = parse('"one two three four five six seven eight nine ten"')
    assert search.clauses == ((Alternative(Phrase(("one", "two", "three", "four", "five", "six", "seven", "eight"))),),)
    assert search.ignored == ("nine", "ten")


def test_a_tag_counts_as_one_word() -> None:
    search = parse('tag:ショッピングモール tag:"a b c d e f g h i" cat ')
    assert [found.term for (found,) in search.clauses] == [
        Tag(tuple("ショッピングモール")),
        Tag(tuple("abcdefghi")),
        Word("cat"),
    ]


@given(st.text() | st.text(alphabet='ab猫 -":OR_tagismodel', max_size=60))
def test_every_search_is_bounded(text: str) -> None:
    search = parse(text)
    assert sum(1 if isinstance(term, Tag) else len(getattr(term, "words", "x")) for term in search.wanted) <= MAX_WORDS
    if any(sign.isalnum() for sign in text):
        assert search.clauses
