"""Splitting texts into words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.words import MAX_WORD_CHARACTERS, search_words, stem, tokens, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IMG_1234.jpg", ["img", "1234", "jpg"]),
        ("pixels-d.webp", ["pixels", "d", "webp"]),
        ("10001567_000_001", ["10001567", "000", "001"]),
        ("haus@ #4", ["haus", "4"]),
        ("Don’t stop", ["don", "t", "stop"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("2016年", ["2016", "年"]),
        ("橙色的猫", ["橙", "色", "的", "猫"]),
        ("แมวสีส้ม", ["แ", "ม", "ว", "สี", "ส้", "ม"]),
        ("\ud800a", ["a"]),
        ("🙂 – ‿", []),
    ],
)
def test_words_are_runs_of_letters_marks_and_numbers(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    "texts",
    [
        ("Cafe café CAFÉ cafe\u0301"),
        ("Straße STRASSE straſſe"),
        ("ﬁne fine FINE"),
        ("ＣＡＴ cat"),
        ("Łódź łódź LODZ"),
        ("pisać pisac"),
        ("blanková blankova"),
        ("İstanbul istanbul ıstanbul"),
        ("Smørrebrød smorrebrod"),
        ("Ægir aegir"),
        ("Ёлка елка"),
        ("ΣΊΣΥΦΟΣ σίσυφος σισυφοσ"),
        ("العَرَبِيَّة العربية العـربية"),
        ("שָׁלוֹם שלום"),
        ("هم\u200cدم همدم"),
        ("ab\u00adcd abcd a\u2060bcd"),
        ("𝐇𝐞𝐥𝐥𝐨 hello"),
    ],
)
def test_case_accents_and_width_do_not_distinguish_words(texts: str) -> None:
    assert len(set(words(texts))) == 1


@pytest.mark.parametrize("texts", ["й и", "ガ カ", "कि की", "ї і", "が か"])
def test_marks_that_make_another_letter_distinguish_words(texts: str) -> None:
    assert len(set(words(texts))) == 2


def test_the_words_of_a_search_in_a_script_without_blanks_are_pairs() -> None:
    assert search_words("橙色的猫 2匹") == ["橙色", "色的", "的猫", "2", "匹"]
    assert search_words("猫") == ["猫"]
    assert search_words("ｶﾞﾗｽ") == ["ガラ", "ラス"]
    assert search_words("고양이") == ["고양", "양이"]


@given(st.text())
def test_words_have_a_place_in_the_text_and_are_bounded(text: str) -> None:
    for token in tokens(text):
        assert 0 <= token.start < token.end <= len(text)
        assert 0 < len(token.word) <= MAX_WORD_CHARACTERS * 2
    assert set(search_words(text)) <= {token.word for token in tokens(text)}


@given(st.text())
def test_folding_words_again_changes_nothing(text: str) -> None:
    for word in words(text):
        assert words(word) == [word]


@pytest.mark.parametrize(
    ("word", "language", "expected"),
    [
        ("cats", "en", "cat"),
        ("beaches", "en-GB", "beach"),
        ("katzen", "DE", "katz"),
        ("кошками", "ru", "кошк"),
        ("cats", "ja", None),
        ("cats", "", None),
    ],
)
def test_a_stem_belongs_to_a_language(word: str, language: str, expected: str | None) -> None:
    assert stem(word, language) == expected
