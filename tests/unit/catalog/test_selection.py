"""Selections of photos."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.selection import SelectionError, parse


def test_all_terms_must_hold() -> None:
    selection = parse("state:failed model:offline after:2026-06-01")
    assert selection.condition == "annotation_status = %s AND model = %s AND uploaded_at >= %s"
    assert selection.values == ("failed", "offline-tagger", "2026-06-01")


def test_a_value_with_blanks_is_quoted() -> None:
    assert parse('reason:"declined to describe"').values == ("%declined to describe%",)


def test_wildcards_in_a_reason_are_ordinary_characters() -> None:
    assert parse("reason:100%_").values == (r"%100\%\_%",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "select photos by state:"),
        ("   ", "or all"),
        ("cat", "unknown term 'cat'; available: state:"),
        ("colour:red", "unknown term 'colour:red'"),
        ("state:gone", "unknown state 'gone'; available: ready, pending, failed"),
        ("model:", "model: needs a value"),
        ("before:yesterday", "'yesterday' is not a date like 2026-06-01"),
        ("before:2026-02-30", "'2026-02-30' is not a date in the calendar"),
        ('reason:"open', "a quotation mark is missing"),
        ("all state:ready", "unknown term 'all'"),
    ],
)
def test_a_mistake_is_explained(text: str, message: str) -> None:
    with pytest.raises(SelectionError, match=message.replace("(", r"\(")):
        parse(text)


@given(st.text())
def test_every_text_is_a_selection_or_a_mistake(text: str) -> None:
    try:
        selection = parse(text)
    except SelectionError:
        return
    assert selection.condition.count("%s") == len(selection.values)
