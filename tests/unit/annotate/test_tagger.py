"""The offline tagger: honest sentences about real pixels."""

import re

import pytest
from PIL import Image

from annotate.appearance import Appearance
from annotate.subject import Subject
from annotate.tagger import OfflineTagger, describe
from support import photos


@pytest.fixture(scope="module")
def tagger() -> OfflineTagger:
    return OfflineTagger()


def test_what_is_sure_is_said_plainly(tagger: OfflineTagger, fence: Image.Image) -> None:
    annotation = tagger.annotate(fence)
    assert annotation.caption == "A picket fence, in white and blue."
    assert annotation.tags[:3] == ("picket fence", "white", "blue")


def test_what_is_probable_is_said_with_doubt(tagger: OfflineTagger, clock: Image.Image) -> None:
    annotation = tagger.annotate(clock)
    assert annotation.caption == "A clock or watch, probably an analog clock, in grey and white."
    assert annotation.tags[:2] == ("clock or watch", "analog clock")


@pytest.mark.parametrize("colour", ["red", "white", "black", "blue"])
def test_nothing_is_recognised_where_nothing_is(tagger: OfflineTagger, colour: str) -> None:
    annotation = tagger.annotate(Image.new("RGB", (600, 400), colour))
    assert annotation.caption == f"No subject recognised, in {colour}."
    assert set(annotation.tags) <= {colour, "dark", "bright", "landscape format"}


def test_a_thing_at_the_end_of_a_wide_picture_is_seen(tagger: OfflineTagger, fence: Image.Image) -> None:
    wide = Image.new("RGB", (720, 400), (110, 170, 90))
    wide.paste(fence, (320, 0))
    assert "picket fence" in tagger.annotate(wide).caption


@pytest.mark.parametrize("size", [(1, 1), (3, 768), (768, 3), (768, 768)])
def test_a_picture_of_any_size_is_described(tagger: OfflineTagger, size: tuple[int, int]) -> None:
    annotation = tagger.annotate(photos.scene(768, 768).resize(size))
    assert annotation.caption
    assert annotation.alt_text


def test_the_source_is_told(tagger: OfflineTagger, fence: Image.Image) -> None:
    annotation = tagger.annotate(fence)
    assert (annotation.model, annotation.language, annotation.prompt_version) == ("offline-tagger", "en", None)
    assert (annotation.input_tokens, annotation.output_tokens) == (None, None)


def test_the_same_picture_gets_the_same_words(tagger: OfflineTagger, clock: Image.Image) -> None:
    assert tagger.annotate(clock) == tagger.annotate(clock.copy())


def test_the_alternative_text_has_its_own_sentences() -> None:
    annotation = describe([Subject("cat", 0.9)], Appearance(("orange", "brown"), "dark", "portrait"))
    assert annotation.alt_text == "A cat. Dark portrait format, in orange and brown."


def test_what_is_only_possible_is_no_tag() -> None:
    annotation = describe([Subject("cat", 0.4)], Appearance(("grey",), "", "square"))
    assert annotation.caption == "Possibly a cat, in grey."
    assert annotation.tags == ("grey", "square format")


def test_tags_are_lower_case() -> None:
    assert describe([Subject("Persian cat", 0.9)], Appearance((), "", "square")).tags[0] == "persian cat"


def test_many_colours_are_not_listed() -> None:
    assert describe([], Appearance((), "", "square")).caption == "No subject recognised, in many colours."


def test_no_sentence_says_image_of(tagger: OfflineTagger, fence: Image.Image) -> None:
    annotation = tagger.annotate(fence)
    assert not re.search(r"\b(image|picture|photo) of\b", f"{annotation.caption} {annotation.alt_text}")
