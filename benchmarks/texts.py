"""Texts like those of real photos: a few words are frequent, most are rare (Zipf's law)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, islice
from random import Random
from typing import NamedTuple

WORDS = 20_000
EXPONENT = 1.1
"""The n-th word is as frequent as n ** -EXPONENT: ten words are two fifths of all, like "a" and "of" in captions."""
SHORT_WORDS = 300
"""Words that are so frequent that they are short, and no tags."""
_BATCH = 50_000
_ONSETS = ("b", "br", "c", "ch", "d", "f", "g", "gr", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "tr", "v", "w")
_VOWELS = ("a", "e", "i", "o", "u")
_CODAS = ("", "", "l", "n", "r", "s", "t", "nt", "ck")


class Description(NamedTuple):
    """The texts of a photo."""

    caption: str
    alt_text: str
    tags: list[str]


def descriptions(random: Random) -> Iterator[Description]:
    """Yield descriptions without end. The alternative text begins like the caption, and tags are rare words of both."""
    known = vocabulary(random)
    short = frozenset(known[:SHORT_WORDS])
    words = stream(random, known)
    while True:
        caption = list(islice(words, random.randint(8, 16)))
        alt_text = caption[: random.randint(2, 5)] + list(islice(words, random.randint(3, 6)))
        tags = [word for word in dict.fromkeys(caption + alt_text) if word not in short][: random.randint(3, 6)]
        while len(tags) < 3:
            tags = list(dict.fromkeys([*tags, next(words)]))
        yield Description(f"{' '.join(caption)}.".capitalize(), " ".join(alt_text).capitalize(), tags)


def vocabulary(random: Random, size: int = WORDS) -> list[str]:
    """Return different words, the most frequent first."""
    words: dict[str, None] = {}
    while len(words) < size:
        syllables = 1 if len(words) < SHORT_WORDS else random.choice((2, 2, 3))
        words["".join(random.choice(part) for _ in range(syllables) for part in (_ONSETS, _VOWELS, _CODAS))] = None
    return list(words)


def stream(random: Random, words: list[str]) -> Iterator[str]:
    """Yield words without end, each as often as its rank says."""
    weights = list(accumulate(rank**-EXPONENT for rank in range(1, len(words) + 1)))
    while True:
        yield from random.choices(words, cum_weights=weights, k=_BATCH)
