"""The offline tagger: captions from faces, an ImageNet classifier, its features and the look of the photo."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotate.offline.appearance import Appearance, appearance
from annotate.offline.caption import describe
from annotate.offline.efficientnet import SIDE, EfficientNetLite0
from annotate.offline.faces import Face, FaceDetector
from annotate.offline.people import people
from annotate.offline.subject import ANIMALS, Subject, recognise
from annotate.offline.trees import Trees
from catalog.images import Annotation

_CROP = 0.95  # of the shorter side: the network was trained on crops without the margins
_NEARLY_SQUARE = 1.2
_DRAWING = 0.5  # the flatness of a drawing
_PLAIN = 0.99  # the flatness of a picture that shows nothing
_PLANTS = 0.4  # the share of green in a photo of plants
_ANIMALS = 0.4  # the probability of animals that makes a doubtful face an animal's


class OfflineTagger:
    """Describes photos in English sentences that express their confidence."""

    def __init__(self) -> None:
        """Load the networks; about 0.1 s."""
        self._classifier = EfficientNetLite0.load()
        self._detector = FaceDetector.load()
        self._trees = Trees.load()

    def annotate(self, image: Image.Image, *_: object) -> Annotation:
        """Describe an RGB picture of any size; about 0.1 s of one core, twice that for a crowd. It is free."""
        features = [self._classifier.features(crop) for crop in _crops(image)]
        probabilities = np.mean([self._classifier.classify(of_crop) for of_crop in features], axis=0)
        trees = self._trees.recognise(np.mean(features, axis=0))
        look = appearance(image)
        return describe(subjects(probabilities, self._detector.detect(image), look, trees), look)


def subjects(
    probabilities: NDArray[np.float32], faces: list[Face], look: Appearance, trees: Subject | None = None
) -> list[Subject]:
    """Return what a picture shows, the most important first; nothing if that is not sure enough.

    Args:
        probabilities: of ImageNet's classes.
        faces: what the detector found.
        look: the colours and the light.
        trees: the trees, if there are any. What is not sure beside them is mostly wrong.
    """
    persons = people(faces, beside_animals=bool(probabilities[ANIMALS].sum() >= _ANIMALS))
    drawing = look.flat >= _DRAWING
    things = recognise(probabilities, beside_people=persons is not None, in_drawing=drawing)
    if persons:
        return [persons, *things] if persons.is_sure else [persons]
    if drawing:
        return things or [Subject("drawing or a diagram", look.flat)] * (look.flat < _PLAIN)
    if trees and not (things and things[0].is_sure):
        return [trees]
    plants = Subject("plants", look.green)
    if look.green >= _PLANTS and (not things or (plants.is_sure and not things[0].is_sure)):
        return [plants]
    if look.blue_sky and not things:
        return [Subject("outdoor view", 1)]
    return things


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
