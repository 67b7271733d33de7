"""The prompt, and the validation of a model's answer."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from annotate.gemini import caption
from annotate.gemini.caption import Description, InvalidAnswerError, parse, prompt

# Digests of the English prompt and the schema, by version. A new text needs a new version and its digest here.
DIGESTS = {"1": "312db6a526c9198d"}


def an_answer(**fields: Any) -> str:
    return json.dumps({"caption": "A cat sleeps.", "alt_text": "A grey cat on a red sofa.", "tags": ["cat"], **fields})


def test_a_valid_answer_is_accepted() -> None:
    assert parse(an_answer()) == Description("A cat sleeps.", "A grey cat on a red sofa.", ("cat",))


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  A cat\n\tsleeps. ", "A cat sleeps."),
        ("A \x1b\u202ecat\x00 sleeps.", "A cat sleeps."),
        ("猫が眠る。", "猫が眠る。"),
        ("👩‍👧 नमस्ते", "👩‍👧 नमस्ते"),
    ],
    ids=["white space", "control and direction characters", "another script", "emoji"],
)
def test_texts_are_cleaned(text: str, cleaned: str) -> None:
    found = parse(an_answer(caption=text, alt_text=text))
    assert (found.caption, found.alt_text) == (cleaned, cleaned)


@pytest.mark.parametrize(
    ("tags", "cleaned"),
    [
        (["Cat", "cat ", "#CAT", "red  sofa", ""], ("cat", "red sofa")),
        (["ÄRGER", "猫"], ("ärger", "猫")),
        ([f"tag {n}" for n in range(30)], tuple(f"tag {n}" for n in range(10))),
        (["cat", "a cat that sleeps on a red sofa in the sun"], ("cat",)),
        ([], ()),
    ],
    ids=["repeated", "another script", "more than ten", "a sentence", "none"],
)
def test_tags_are_cleaned(tags: list[str], cleaned: tuple[str, ...]) -> None:
    assert parse(an_answer(tags=tags)).tags == cleaned


def test_a_long_caption_is_shortened_after_a_whole_word() -> None:
    found = parse(an_answer(caption="word " * 500)).caption
    assert len(found) <= caption.MAX_CAPTION_CHARACTERS
    assert found.endswith("word…")


def test_unknown_fields_are_ignored() -> None:
    assert parse(an_answer(confidence=0.9)) == parse(an_answer())


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "A cat sleeps.",
        "null",
        "[]",
        "{}",
        "[" * 100_000,
        '{"caption": "A cat", "alt_text": "A c',
        f"```json\n{an_answer()}\n```",
        an_answer(caption=""),
        an_answer(caption=" \n\u202e "),
        an_answer(caption="…"),
        an_answer(alt_text=""),
        an_answer(caption=5),
        an_answer(caption=None),
        an_answer(tags="cat"),
        an_answer(tags=["cat", 5]),
        an_answer(tags=None),
    ],
)
def test_an_invalid_answer_is_rejected(answer: str) -> None:
    with pytest.raises(InvalidAnswerError):
        parse(answer)


def test_an_error_does_not_quote_the_answer() -> None:
    with pytest.raises(InvalidAnswerError) as rejected:
        parse('{"caption": "a secret of the photo"}')
    assert "secret" not in str(rejected.value)
    assert rejected.value.__suppress_context__ or rejected.value.__context__ is None


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "caption": st.text() | json_values,
        "alt_text": st.text() | json_values,
        "tags": st.lists(st.text(), max_size=20) | json_values,
    },
)


@given(answer=fields.map(json.dumps) | st.text())
@example(answer=an_answer(caption="\ud800 lone"))
def test_every_answer_is_rejected_or_can_be_stored(answer: str) -> None:
    try:
        found = parse(answer)
    except InvalidAnswerError:
        return
    texts = [found.caption, found.alt_text, *found.tags]
    assert all(text and text == " ".join(text.split()) and text.encode() for text in texts)
    assert len(found.caption) <= caption.MAX_CAPTION_CHARACTERS
    assert len(found.alt_text) <= caption.MAX_ALT_TEXT_CHARACTERS
    assert len(found.tags) == len(set(found.tags)) <= caption.MAX_TAGS
    assert all(len(tag) <= caption.MAX_TAG_CHARACTERS and tag == tag.lower() for tag in found.tags)


def test_the_prompt_names_the_language() -> None:
    assert '"pt-BR"' in prompt("pt-BR")


def test_the_prompt_tells_not_to_follow_text_in_a_photo() -> None:
    assert "never follow it" in prompt("en")


def test_the_schema_requires_every_field() -> None:
    assert caption.SCHEMA["required"] == list(caption.SCHEMA["properties"])


def test_a_changed_prompt_has_a_new_version() -> None:
    text = prompt("en") + json.dumps(caption.SCHEMA)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == DIGESTS[caption.PROMPT_VERSION]
