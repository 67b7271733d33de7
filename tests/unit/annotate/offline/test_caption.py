"""Sentences and tags of the offline tagger."""

import pytest

from annotate.offline.appearance import Appearance
from annotate.offline.caption import describe
from annotate.offline.subject import Subject


def test_the_alternative_text_has_its_own_sentences() -> None:
    annotation = describe([Subject("cat", 0.9)], Appearance(("orange", "brown"), "dark", "portrait"))
    assert annotation.alt_text == "A cat. The picture is dark, in portrait format and mainly orange and brown."


def test_a_merely_possible_subject_is_not_a_tag() -> None:
    annotation = describe([Subject("cat", 0.4)], Appearance(("grey",), "", "square"))
    assert annotation.caption == "Possibly a cat in tones of grey."
    assert annotation.tags == ("grey", "square format")


PERSON = Subject("person", 1)
PORTRAIT = Subject("portrait", 1)
PEOPLE = Subject("people", 1, "two")


@pytest.mark.parametrize(
    ("found", "beginning"),
    [
        ([Subject("dog", 0.9), Subject("corgi", 0.6)], "A dog, probably a corgi, in"),
        ([PEOPLE, Subject("bus", 0.9)], "Two people near a bus, in"),
        ([PERSON, Subject("bus", 0.6)], "A person, probably near a bus, in"),
        ([PORTRAIT, Subject("microphone", 0.9)], "A portrait with a microphone, in"),
        ([PEOPLE, Subject("room", 0.9)], "Two people in a room, in"),
        ([PEOPLE, Subject("vehicle", 0.9), Subject("bus", 0.6)], "Two people near a vehicle, in"),
        ([Subject("person", 0.4)], "Possibly a person in"),
    ],
)
def test_subjects_become_a_sentence(found: list[Subject], beginning: str) -> None:
    assert describe(found, Appearance(("grey",), "", "square")).caption == f"{beginning} tones of grey."


@pytest.mark.parametrize(
    ("look", "ending"),
    [
        (Appearance(("grey", "blue"), "", "square"), "in tones of grey and blue."),
        (Appearance(("grey", "blue"), "dark", "square"), "in dark tones of grey and blue."),
        (Appearance(("black",), "dark", "square"), "in tones of black."),
        (Appearance(("white", "blue"), "bright", "square"), "in tones of white and blue."),
        (Appearance(("grey",), "dark", "square", colourless=True), "in black and white."),
        (Appearance(("orange",), "", "square", warm=0.7), "in warm tones."),
        (Appearance(("blue",), "", "square", blue_sky=True), "under a blue sky."),
        (Appearance((), "", "square"), "in many colours."),
    ],
)
def test_the_light_and_the_colours_end_the_caption(look: Appearance, ending: str) -> None:
    assert describe([Subject("cat", 0.9)], look).caption == f"A cat {ending}"


@pytest.mark.parametrize("found", [PORTRAIT, PEOPLE], ids=str)
def test_a_blue_background_of_people_is_no_sky(found: Subject) -> None:
    look = Appearance(("blue", "brown"), "", "square", blue_sky=True)
    assert describe([found], look).caption.endswith(" in tones of blue and brown.")


@pytest.mark.parametrize(("format_", "kind"), [("landscape", "A picture"), ("panorama", "A panorama")])
def test_without_a_subject_the_look_is_described(format_: str, kind: str) -> None:
    annotation = describe([], Appearance(("blue",), "bright", format_))
    assert annotation.caption == f"{kind} in bright tones of blue."
    assert annotation.alt_text == f"The picture is bright, in {format_} format and mainly blue."
    assert not annotation.recognized


def test_tags_are_lower_case() -> None:
    assert describe([Subject("Persian cat", 0.9)], Appearance((), "", "square")).tags[0] == "persian cat"
