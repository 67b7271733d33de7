"""Texts like those of real photos: a few words are frequent, most are rare (Zipf's law)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from random import Random

WORDS = 20_000
SHIFT = 2.7
"""Mandelbrot's shift of Zipf's law: the n-th word is as frequent as 1 / (n + SHIFT)."""
_BATCH = 50_000
_ONSETS = ("b", "br", "c", "ch", "d", "f", "g", "gr", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "tr", "v", "w")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "oo")
_CODAS = ("", "", "l", "n", "r", "s", "t", "nt", "ck")


def vocabulary(random: Random, size: int = WORDS) -> list[str]:
    """Return different words, the most frequent first; frequent words are short."""
    words: dict[str, None] = {}
    while len(words) < size:
        syllables = 1 if len(words) < 300 else random.choice((2, 2, 3))
        words["".join(random.choice(part) for _ in range(syllables) for part in (_ONSETS, _VOWELS, _CODAS))] = None
    return list(words)


def stream(random: Random, words: list[str]) -> Iterator[str]:
    """Yield words without end, each as often as its rank says."""
    weights = list(accumulate(1 / (rank + SHIFT) for rank in range(1, len(words) + 1)))
    while True:
        yield from random.choices(words, cum_weights=weights, k=_BATCH)
