"""Captions of the offline tagger, from real pixels."""

import re

import pytest
from PIL import Image

from annotate.offline.appearance import Appearance
from annotate.offline.subject import Subject
from annotate.offline.tagger import OfflineTagger, describe
from support import photos


@pytest.fixture(scope="module")
def tagger() -> OfflineTagger:
    return OfflineTagger()


def test_a_confident_result_is_stated_without_hedging(tagger: OfflineTagger) -> None:
    annotation = tagger.annotate(photos.fence())
    assert annotation.caption == "A picket fence, in white and blue."
    assert annotation.tags[:3] == ("picket fence", "white", "blue")


def test_a_probable_result_is_hedged(tagger: OfflineTagger) -> None:
    annotation = tagger.annotate(photos.clock())
    assert annotation.caption == "A clock or watch, probably an analog clock, in grey and white."
    assert annotation.tags[:2] == ("clock or watch", "analog clock")


@pytest.mark.parametrize("colour", ["red", "white", "black", "blue"])
def test_no_subject_is_recognised_in_a_plain_colour(tagger: OfflineTagger, colour: str) -> None:
    annotation = tagger.annotate(Image.new("RGB", (600, 400), colour))
    assert annotation.caption == f"No subject recognised, in {colour}."
    assert set(annotation.tags) <= {colour, "dark", "bright", "landscape format"}


def test_a_subject_at_the_end_of_a_wide_photo_is_recognised(tagger: OfflineTagger) -> None:
    wide = Image.new("RGB", (720, 400), (110, 170, 90))
    wide.paste(photos.fence(), (320, 0))
    assert "picket fence" in tagger.annotate(wide).caption


@pytest.mark.parametrize("size", [(1, 1), (3, 768), (768, 3), (768, 768)])
def test_a_photo_of_any_size_is_described(tagger: OfflineTagger, size: tuple[int, int]) -> None:
    annotation = tagger.annotate(photos.scene(768, 768).resize(size))
    assert annotation.caption
    assert annotation.alt_text


def test_the_annotation_names_its_source(tagger: OfflineTagger) -> None:
    annotation = tagger.annotate(photos.fence())
    assert (annotation.model, annotation.language, annotation.prompt_version) == ("offline-tagger", "en", None)
    assert (annotation.input_tokens, annotation.output_tokens) == (None, None)


def test_the_same_photo_gets_the_same_annotation(tagger: OfflineTagger) -> None:
    assert tagger.annotate(photos.clock()) == tagger.annotate(photos.clock())


def test_the_alternative_text_has_its_own_sentences() -> None:
    annotation = describe([Subject("cat", 0.9)], Appearance(("orange", "brown"), "dark", "portrait"))
    assert annotation.alt_text == "A cat. Dark portrait format, in orange and brown."


def test_a_merely_possible_subject_is_not_a_tag() -> None:
    annotation = describe([Subject("cat", 0.4)], Appearance(("grey",), "", "square"))
    assert annotation.caption == "Possibly a cat, in grey."
    assert annotation.tags == ("grey", "square format")


def test_tags_are_lower_case() -> None:
    assert describe([Subject("Persian cat", 0.9)], Appearance((), "", "square")).tags[0] == "persian cat"


def test_many_colours_are_not_listed() -> None:
    assert describe([], Appearance((), "", "square")).caption == "No subject recognised, in many colours."


def test_no_text_says_image_of(tagger: OfflineTagger) -> None:
    annotation = tagger.annotate(photos.fence())
    assert not re.search(r"\b(image|picture|photo) of\b", f"{annotation.caption} {annotation.alt_text}")
