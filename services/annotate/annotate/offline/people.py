"""Turns faces into words for people.

Faces are the only evidence. People who turn away or are far away have none, so larger groups are not counted.
"""

from annotate.offline.faces import Face
from annotate.offline.subject import Subject

_SURE = 0.98  # the score from which a face is almost always one
_POSSIBLE = 0.95  # the score from which about every second one is; the others are flowers and animals
_BESIDE_ANIMALS = 0.99  # animals have faces, too
_PORTRAIT = 0.25  # the height of the face in a portrait
_SMALL_GROUP = 5
_NEXT_TO_LARGEST = 0.3  # faces that are smaller, relative to the largest, are seldom faces


def people(faces: list[Face], *, beside_animals: bool = False) -> Subject | None:
    """Return the people that the faces belong to; None if no face is sure enough.

    Args:
        faces: what the detector found.
        beside_animals: the photo shows animals, so a face must be surer.
    """
    best = max((face.score for face in faces), default=0.0)
    if best < (_BESIDE_ANIMALS if beside_animals else _POSSIBLE):
        return None
    heights = [face.height for face in faces if face.score >= _POSSIBLE]
    count = sum(height >= _NEXT_TO_LARGEST * max(heights) for height in heights)
    probability = 1.0 if best >= _SURE else 0.4
    if count == 1:
        return Subject("portrait" if max(heights) >= _PORTRAIT else "person", probability)
    size = "small" if count <= _SMALL_GROUP else "large"
    return Subject("people", probability, "two" if count == 2 else f"a {size} group of")
