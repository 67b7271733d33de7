"""The offline tagger: captions from an ImageNet classifier and the colours of the photo."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotate.offline.appearance import Appearance, appearance
from annotate.offline.efficientnet import SIDE, EfficientNetLite0
from annotate.offline.subject import Subject, recognise
from catalog.images import Annotation

MODEL = "offline-tagger"
LANGUAGE = "en"

_CROP = 0.95  # of the shorter side: the network was trained on crops without the margins
_NEARLY_SQUARE = 1.2


class OfflineTagger:
    """Describes photos in English sentences that express their confidence."""

    def __init__(self) -> None:
        """Load the network; about 0.1 s."""
        self._network = EfficientNetLite0.load()

    def annotate(self, image: Image.Image, *_: object) -> Annotation:
        """Describe an RGB picture; 0.05 to 0.15 s of one core. It uses no facts and costs nothing."""
        crops = _crops(image)
        probabilities = np.mean([self._network.classify(crop) for crop in crops], axis=0)
        return describe(recognise(probabilities), appearance(image))


def describe(subjects: list[Subject], look: Appearance) -> Annotation:
    """Put the recognised subjects and the appearance into sentences and tags."""
    what = ", ".join(map(str, subjects)) or "no subject recognised"
    colours = f"in {' and '.join(look.colours) or 'many colours'}"
    shape = f"{look.light} {look.format} format".strip()
    nouns = [subject.noun.lower() for subject in subjects if subject.is_probable]
    return Annotation(
        caption=_sentence(f"{what}, {colours}"),
        alt_text=f"{_sentence(what)} {_sentence(f'{shape}, {colours}')}",
        tags=tuple(filter(None, [*nouns, *look.colours, look.light, f"{look.format} format"])),
        language=LANGUAGE,
        model=MODEL,
    )


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
