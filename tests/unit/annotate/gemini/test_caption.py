"""The description in a model's answer."""

import json
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from annotate.gemini import caption
from annotate.gemini.caption import Description, InvalidAnswerError, parse


def an_answer(**fields: Any) -> str:
    return json.dumps({"caption": "A cat sleeps.", "alt_text": "A grey cat on a red sofa.", "tags": ["cat"], **fields})


A_CAT = Description("A cat sleeps.", "A grey cat on a red sofa.", ("cat",))


def test_a_valid_answer_is_accepted() -> None:
    assert parse(an_answer()) == A_CAT


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
        (["cat", 5, None, ["sofa"]], ("cat",)),
        ("cat, red sofa", ("cat", "red sofa")),
        ("cat; red sofa", ("cat", "red sofa")),
        ("cat\nred sofa\n", ("cat", "red sofa")),
        ("#cat #red sofa", ("cat", "red sofa")),
        (None, ()),
        ({"cat": 1}, ()),
    ],
    ids=[
        "repeated",
        "another script",
        "more than ten",
        "a sentence",
        "none",
        "other types",
        "commas",
        "semicolons",
        "lines",
        "hash signs",
        "null",
        "an object",
    ],
)
def test_tags_are_cleaned(tags: object, cleaned: tuple[str, ...]) -> None:
    assert parse(an_answer(tags=tags)).tags == cleaned


def test_a_long_caption_is_shortened_after_a_whole_word() -> None:
    found = parse(an_answer(caption="word " * 500)).caption
    assert len(found) <= caption.MAX_CAPTION_CHARACTERS
    assert found.endswith("word…")


def test_unknown_fields_are_ignored() -> None:
    assert parse(an_answer(confidence=0.9)) == A_CAT


def test_missing_tags_are_no_tags() -> None:
    assert parse('{"caption": "A cat.", "alt_text": "A cat."}').tags == ()


@pytest.mark.parametrize("missing", ["", " \n\u202e ", "…", None, 5, ["A dog."]])
def test_one_of_caption_and_alternative_text_stands_for_both(missing: object) -> None:
    assert parse(an_answer(alt_text=missing)).alt_text == A_CAT.caption
    assert parse(an_answer(caption=missing)).caption == A_CAT.alt_text


WRAPPED = {
    "fenced": "```json\n{}\n```",
    "fenced without a language": "```\n{}```",
    "an opened fence": "```json\n{}",
    "followed by text": '{}\n\nIs {{this}} what you "wanted"?',
    "preceded by text": 'Here is the "JSON" {{as asked}}: {}',
    "repeated": "{0}{0}",
    "in a list": "[{}]",
    "in an object": '{{"result": {}}}',
    "after a byte order mark": "\ufeff{}",
}


@pytest.mark.parametrize("frame", WRAPPED.values(), ids=WRAPPED)
def test_a_description_is_found_within_other_text(frame: str) -> None:
    assert parse(frame.format(an_answer())) == A_CAT


def test_line_breaks_and_control_characters_in_strings_are_accepted() -> None:
    assert parse(an_answer().replace("cat sleeps", "cat\r\n\tsleeps").replace("red", "\x07red")) == A_CAT


@pytest.mark.parametrize("answer", [an_answer()[:-1] + ",}", an_answer().replace('"cat"]', '"cat",\n]')])
def test_a_last_comma_is_accepted(answer: str) -> None:
    assert parse(answer) == A_CAT


def test_a_comma_within_a_string_is_kept() -> None:
    assert parse('{"caption": "A sign: [a,] {b, }", "alt_text": "A sign.",}').caption == "A sign: [a,] {b, }"


def test_the_first_object_with_words_is_used() -> None:
    assert parse('{"caption": "", "alt_text": "…"} {"plan": 1} ' + an_answer()) == A_CAT


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("", "not JSON"),
        ("A cat sleeps.", "not JSON"),
        ("null", "not JSON"),
        ("[]", "not JSON"),
        ("{}", "no words"),
        ("[" * 100_000, "not JSON"),
        ('{"a":' * 100_000, "not JSON"),
        ("{" * 100_000, "not JSON"),
        ('{"caption": ' + "9" * 5000 + "}", "not JSON"),
        ('{"caption": "A cat", "alt_text": "A c', "not JSON"),
        ('{"tags": ["cat"]}', "no words"),
        ('{"caption": {"text": "A cat"}, "alt_text": ["A cat"]}', "no words"),
        (an_answer(caption="", alt_text="!"), "no words"),
    ],
)
def test_an_answer_without_a_description_is_rejected(answer: str, problem: str) -> None:
    with pytest.raises(InvalidAnswerError, match=problem):
        parse(answer)


def test_an_error_does_not_quote_the_answer() -> None:
    with pytest.raises(InvalidAnswerError) as rejected:
        parse('{"caption": "a secret of the photo"')
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
        "tags": st.lists(st.text(), max_size=20) | st.text() | json_values,
    },
)


@given(answer=fields.map(json.dumps) | json_values.map(json.dumps) | st.text() | st.text('{}[]",:\\ \n`a'))
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


words = st.text(min_size=1, max_size=80)


@given(caption=words, alt_text=words, tags=st.lists(st.text(max_size=30), max_size=12), ascii_only=st.booleans())
def test_any_description_survives_each_recovered_form(
    caption: str, alt_text: str, tags: list[str], ascii_only: bool
) -> None:
    answer = json.dumps({"caption": caption, "alt_text": alt_text, "tags": tags}, ensure_ascii=ascii_only)
    try:
        plain = parse(answer)
    except InvalidAnswerError:
        assume(False)  # no words
    for frame in WRAPPED.values():
        assert parse(frame.format(answer)) == plain
    assert parse(answer[:-1] + " ,\n}") == plain
    assert parse(answer[:-2] + ",]}" if tags else answer) == plain
    assert parse(answer.replace(r"\n", "\n").replace(r"\t", "\t") if "\\\\" not in answer else answer) == plain


@given(
    tags=st.lists(st.text("abcäß猫", min_size=1, max_size=10), max_size=8),
    separator=st.sampled_from([",", "; ", "\n", " #"]),
)
def test_tags_in_one_string_are_the_same_tags(tags: list[str], separator: str) -> None:
    assert parse(an_answer(tags=separator.join(tags))) == parse(an_answer(tags=tags))


@given(caption=words, alt_text=words)
def test_no_words_are_invented(caption: str, alt_text: str) -> None:
    try:
        found = parse(an_answer(caption=caption, alt_text=alt_text, tags=[]))
    except InvalidAnswerError:
        return
    written = "".join((caption + alt_text).split())
    assert set("".join((found.caption + found.alt_text).split())) <= set(written)
