"""Captions of the offline tagger, from real pixels."""

import re

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from annotate.offline.appearance import Appearance
from annotate.offline.faces import Face
from annotate.offline.subject import Subject
from annotate.offline.tagger import OfflineTagger, subjects
from support import photos


@pytest.fixture(scope="module")
def tagger() -> OfflineTagger:
    return OfflineTagger()


FENCE = photos.textured(photos.fence())


def test_a_confident_result_is_stated_without_hedging(tagger: OfflineTagger) -> None:
    annotation = tagger.annotate(FENCE)
    assert annotation.caption == "A picket fence under a blue sky."
    assert annotation.tags == ("picket fence", "white", "blue", "bright", "square format")
    assert annotation.recognized


def test_a_probable_result_is_hedged(tagger: OfflineTagger) -> None:
    annotation = tagger.annotate(photos.textured(photos.clock()))
    assert annotation.caption == "A clock or watch, probably an analog clock, in tones of grey and white."
    assert annotation.tags[:2] == ("clock or watch", "analog clock")


@pytest.mark.parametrize(
    ("count", "what", "tag"),
    [(1, "A portrait", "portrait"), (2, "Two people", "people"), (4, "A small group of people", "people")],
)
def test_people_are_the_subject(tagger: OfflineTagger, count: int, what: str, tag: str) -> None:
    annotation = tagger.annotate(photos.people(count, 160))
    assert annotation.caption == f"{what} in tones of grey and blue."
    assert annotation.alt_text.startswith(f"{what}. The picture is ")
    assert annotation.tags[0] == tag


def test_a_page_of_text_is_recognised(tagger: OfflineTagger) -> None:
    text = "People upload photos in a browser and soon after, each one has a caption and some tags. " * 3
    lines = [text[start : start + 56] for start in range(0, 17 * 5, 5)]
    page = Image.new("RGB", (600, 600), "white")
    draw = ImageDraw.Draw(page)
    draw.text((40, 40), "A page of text", "black", ImageFont.load_default(32))
    draw.multiline_text((40, 110), "\n".join(lines), "black", ImageFont.load_default(16), spacing=8)
    assert "screenshot or a page of text" in tagger.annotate(page).caption


def test_a_forest_is_recognised(tagger: OfflineTagger) -> None:
    annotation = tagger.annotate(photos.forest())
    assert annotation.caption.startswith("Trees or a forest in ")
    assert annotation.tags[0] == "trees or a forest"


def test_a_drawing_is_recognised(tagger: OfflineTagger) -> None:
    assert tagger.annotate(photos.clock()).caption == "A drawing or a diagram in tones of grey and white."


@pytest.mark.parametrize("colour", ["red", "white", "black", "blue"])
def test_nothing_is_recognised_in_a_plain_colour(tagger: OfflineTagger, colour: str) -> None:
    annotation = tagger.annotate(Image.new("RGB", (600, 400), colour))
    assert not annotation.recognized


def test_a_subject_at_the_end_of_a_wide_photo_is_recognised(tagger: OfflineTagger) -> None:
    wide = Image.new("RGB", (720, 400), (110, 170, 90))
    wide.paste(photos.fence(), (320, 0))
    assert "picket fence" in tagger.annotate(photos.textured(wide)).caption


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 768), (768, 3), (768, 768)])
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


NOTHING = np.full(1000, 0.001, np.float32)


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        (Appearance(("green",), "", "square", green=0.9), ["plants"]),
        (Appearance(("green",), "", "square", green=0.45), ["possibly plants"]),
        (Appearance(("blue",), "", "square", blue_sky=True), ["an outdoor view"]),
        (Appearance(("white",), "", "square", flat=0.9), ["a drawing or a diagram"]),
        (Appearance(("white",), "", "square", flat=0.6), ["probably a drawing or a diagram"]),
        (Appearance(("white",), "", "square", flat=1), []),
        (Appearance(("green",), "", "square", green=1, flat=1), []),
        (Appearance(("grey",), "", "square"), []),
    ],
)
def test_the_look_reveals_broad_subjects(look: Appearance, expected: list[str]) -> None:
    assert [str(subject) for subject in subjects(NOTHING, [], look)] == expected


TREES = Subject("trees or a forest", 0.9)
GREEN = Appearance(("green",), "", "square", green=0.9)


def test_trees_are_named_instead_of_plants_and_doubtful_things() -> None:
    assert subjects(NOTHING, [], GREEN, TREES) == [TREES]
    assert subjects(_seat(0.7), [], GREEN, TREES) == [TREES]


def test_trees_are_no_subject_beside_a_sure_thing_or_people_or_in_a_drawing() -> None:
    assert [str(subject) for subject in subjects(_seat(0.9), [], GREEN, TREES)] == ["a park bench"]
    assert [str(subject) for subject in subjects(NOTHING, [Face(1, 0.3)], GREEN, TREES)] == ["a portrait"]
    drawing = Appearance(("green",), "", "square", flat=0.9)
    assert [str(subject) for subject in subjects(NOTHING, [], drawing, TREES)] == ["a drawing or a diagram"]


def _seat(probability: float) -> np.typing.NDArray[np.float32]:
    return np.where(np.arange(1000) == 703, np.float32(probability), np.float32((1 - probability) / 999))


def test_the_doubtful_face_of_an_animal_is_no_person() -> None:
    probabilities = np.where(np.arange(1000) < 398, np.float32(0.7 / 398), np.float32(0))
    look = Appearance(("grey",), "", "square")
    assert subjects(probabilities, [Face(0.98, 0.3)], look) == []
    assert [str(subject) for subject in subjects(NOTHING, [Face(0.98, 0.3)], look)] == ["a portrait"]


def test_no_text_says_image_of(tagger: OfflineTagger) -> None:
    annotation = tagger.annotate(photos.fence())
    assert not re.search(r"\b(image|picture|photo) of\b", f"{annotation.caption} {annotation.alt_text}")
