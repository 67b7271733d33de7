"""The offline tagger: captions from faces, an ImageNet classifier and the look of the photo."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotate.offline.appearance import Appearance, appearance
from annotate.offline.efficientnet import SIDE, EfficientNetLite0
from annotate.offline.faces import Face, FaceDetector
from annotate.offline.people import people
from annotate.offline.subject import ANIMALS, Subject, recognise
from catalog.images import Annotation

MODEL = "offline-tagger"
LANGUAGE = "en"

_CROP = 0.95  # of the shorter side: the network was trained on crops without the margins
_NEARLY_SQUARE = 1.2
_DRAWING = 0.5  # the flatness of a drawing
_PLAIN = 0.99  # the flatness of a picture that shows nothing
_PLANTS = 0.4  # the share of green in a photo of plants
_WARM = 0.6  # the share of warm colours that makes a photo warm
_ANIMALS = 0.4  # the probability of animals that makes a doubtful face an animal's


class OfflineTagger:
    """Describes photos in English sentences that express their confidence."""

    def __init__(self) -> None:
        """Load the networks; about 0.1 s."""
        self._classifier = EfficientNetLite0.load()
        self._detector = FaceDetector.load()

    def annotate(self, image: Image.Image) -> Annotation:
        """Describe an RGB picture; 0.1 to 0.2 s of one core."""
        probabilities = np.mean([self._classifier.classify(crop) for crop in _crops(image)], axis=0)
        look = appearance(image)
        return describe(subjects(probabilities, self._detector.detect(image), look), look)


def subjects(probabilities: NDArray[np.float32], faces: list[Face], look: Appearance) -> list[Subject]:
    """Return what a picture shows, the most important first; nothing if that is not sure enough."""
    persons = people(faces, beside_animals=bool(probabilities[ANIMALS].sum() >= _ANIMALS))
    drawing = look.flat >= _DRAWING
    things = recognise(probabilities, beside_people=persons is not None, in_drawing=drawing)
    if persons:
        return [persons, *things] if persons.is_sure else [persons]
    if drawing:
        return things or [Subject("drawing or a diagram", look.flat)] * (look.flat < _PLAIN)
    plants = Subject("plants", look.green)
    if look.green >= _PLANTS and (not things or (plants.is_sure and not things[0].is_sure)):
        return [plants]
    if look.blue_sky and not things:
        return [Subject("outdoor view", 1)]
    return things


def describe(found: list[Subject], look: Appearance) -> Annotation:
    """Put the recognised subjects and the appearance into sentences and tags."""
    what = _what(found)
    setting = _setting(look, is_portrait=bool(found) and found[0].noun == "portrait")
    kind = "a panorama" if look.format == "panorama" else "a picture"
    comma = "," if len(found) > 1 else ""
    traits = [
        look.light,
        f"in {look.format} format",
        "black and white" if look.colourless else f"mainly {_colours(look)}",
    ]
    sentence = f"The picture is {' and '.join(', '.join(filter(None, traits)).rsplit(', ', 1))}."
    nouns = [subject.noun.lower() for subject in found if subject.is_probable]
    return Annotation(
        caption=_sentence(f"{what or kind}{comma} {setting}"),
        alt_text=f"{_sentence(what)} {sentence}" if what else sentence,
        tags=tuple(dict.fromkeys(filter(None, [*nouns, *look.colours, look.light, f"{look.format} format"]))),
        language=LANGUAGE,
        model=MODEL,
        recognized=bool(found),
    )


def _what(found: list[Subject]) -> str:
    """Name the subjects: people with what is near them, or a thing and, if it is less sure, its kind."""
    if len(found) > 1 and found[0].noun in ("people", "person", "portrait"):
        thing = found[1]
        place = "in" if thing.noun == "room" else "with" if found[0].noun == "portrait" else "near"
        return f"{found[0]}{', ' if thing.hedge else ' '}{thing.hedge}{place} {thing.phrase}"
    return ", ".join(map(str, found))


def _setting(look: Appearance, *, is_portrait: bool) -> str:
    if look.colourless:
        return "in black and white"
    if look.blue_sky and not is_portrait:
        return "under a blue sky"
    if look.warm >= _WARM:
        return "in warm tones"
    if not look.colours:
        return "in many colours"
    light = "" if {"dark": "black", "bright": "white"}.get(look.light) in look.colours else look.light
    return f"in {f'{light} tones'.strip()} of {_colours(look)}"


def _colours(look: Appearance) -> str:
    return " and ".join(look.colours) or "many colours"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _crops(image: Image.Image) -> list[NDArray[np.uint8]]:
    """Cut squares out of a picture: the middle, and both ends unless it is nearly square."""
    width, height = image.size
    side = _CROP * min(width, height)
    places = (0.5,) if max(width, height) <= _NEARLY_SQUARE * min(width, height) else (0.0, 0.5, 1.0)
    crops = []
    for place in places:
        left, top = place * (width - side), place * (height - side)
        box = (left, top, left + side, top + side)
        crops.append(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box)))
    return crops
