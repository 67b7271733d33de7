"""Puts subjects and the look of a picture into English sentences and tags."""

from annotate.offline.appearance import Appearance
from annotate.offline.subject import Subject
from catalog.images import Annotation

MODEL = "offline-tagger"
LANGUAGE = "en"

_WARM = 0.6  # the share of warm colours that makes a picture warm


def describe(found: list[Subject], look: Appearance) -> Annotation:
    """Return the annotation of a picture that shows these subjects, the most important first, and looks like this."""
    what = _what(found)
    setting = _setting(look, may_be_indoors=bool(found) and found[0].noun in ("people", "portrait"))
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


def _setting(look: Appearance, *, may_be_indoors: bool) -> str:
    if look.colourless:
        return "in black and white"
    if look.blue_sky and not may_be_indoors:
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
