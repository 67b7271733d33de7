"""Marks around what a search found."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from support.shown_alike import HIGHLIGHTS
from web.highlight import highlight, highlight_cards


class Texts(HTMLParser):
    """Collects the texts of a piece of HTML, and those inside marks."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.marked: list[str] = []
        self.tags: set[str] = set()
        self._is_marked = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        self._is_marked = tag == "mark"

    def handle_endtag(self, tag: str) -> None:
        self._is_marked = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._is_marked:
            self.marked.append(data)


@pytest.mark.parametrize(("text", "parts", "marked"), HIGHLIGHTS)
def test_words_are_marked_as_a_whole(text: str, parts: list[str], marked: list[str]) -> None:
    assert Texts(str(highlight(text, parts))).marked == marked


@given(text=st.text(alphabet="ab<&>\"' 猫橙ก", max_size=20), parts=st.sets(st.sampled_from(["a", "ab", "猫", "橙猫"])))
def test_only_marks_are_added_and_the_rest_is_escaped(text: str, parts: set[str]) -> None:
    shown = Texts(str(highlight(text, parts)))
    assert shown.text == text
    assert shown.tags <= {"mark"}


def test_caption_tags_and_file_name_of_a_card_are_marked() -> None:
    card = Markup(
        '<li class="card"><a class="frame" href="/images/cat"><img alt="cat"><span class="frame-note">Preparing cat.jpg'
        '</span></a><p class="caption" dir="auto" lang="en">A cat &amp; &lt;cat&gt;</p><p class="waiting">cat</p>'
        '<ul class="tags"><li><a dir="auto" href="/?q=tag%3Acat">cat</a></li></ul></li>'
    )
    marked = highlight_cards(card, ["cat"])
    assert "Preparing <mark>cat</mark>.jpg" in marked
    assert "A <mark>cat</mark> &amp; &lt;<mark>cat</mark>&gt;" in marked
    assert '<a dir="auto" href="/?q=tag%3Acat"><mark>cat</mark></a>' in marked
    assert marked.count("<mark>") == 4
    assert marked.replace("<mark>", "").replace("</mark>", "") == card
