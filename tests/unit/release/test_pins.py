"""Editing a pin changes only the bytes of the pin."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from release.errors import ReleaseError
from release.pins import read_pins, with_pin
from release.version import Version

numbers = st.integers(0, 99)
versions = st.builds(Version, numbers, numbers, numbers)
comments = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" "), max_size=12)
spaces = st.sampled_from(["", " ", "   "])
line_ends = st.sampled_from(["\n", "\r\n"])


@st.composite
def files(draw: st.DrawFn) -> tuple[list[str], dict[str, Version]]:
    """Return the lines of an environment file, in any order and with any comments, and its pins."""
    pins = draw(st.dictionaries(st.sampled_from(["annotate", "catalog", "web", "thumbnail"]), versions, min_size=1))

    def comment() -> str:
        return draw(st.sampled_from(["", f" # {draw(comments)}"]))

    block = [f"versions:{comment()}"]
    for name, version in pins.items():
        quote = draw(st.sampled_from(["", "'", '"']))
        block += draw(st.sampled_from([[], [f"# {draw(comments)}"], [""]]))
        block.append(f"  {name}: {draw(spaces)}{quote}{version}{quote}{comment()}")
    others = [
        [f"# {draw(comments)}"],
        [f"region: eu-central-1{comment()}"],
        ["parameters:", *(f"  {name}: {version}" for name, version in pins.items())],
        ["overrides: {}"],
    ]
    blocks = draw(st.permutations([block, *others]))
    return [line for lines in blocks for line in lines], pins


@settings(max_examples=50)
@given(files(), versions, line_ends, st.data())
def test_only_the_pin_changes(
    file: tuple[list[str], dict[str, Version]], version: Version, line_end: str, data: st.DataObject
) -> None:
    lines, pins = file
    name = data.draw(st.sampled_from(sorted(pins)))
    before = line_end.join(lines)
    after = with_pin(before, "staging.yaml", name, version)
    assert read_pins(after, "staging.yaml") == pins | {name: version}
    changed = [(old, new) for old, new in zip(before.split("\n"), after.split("\n"), strict=True) if old != new]
    if pins[name] == version:
        assert changed == []
    else:
        ((old, new),) = changed
        assert new == old.replace(str(pins[name]), str(version), 1)
    rest = yaml.safe_load(before) | {"versions": None}
    assert yaml.safe_load(after) | {"versions": None} == rest


@pytest.mark.parametrize(
    "text",
    [
        "versions: {web: 0.1.0, annotate: 0.2.0}",
        "versions:\n  web: 0.1.0 # Ä€🖼\n  annotate: 0.2.0",
        "\ufeffversions:\n  web: 0.1.0\n  annotate: 0.2.0\n",
        "---\nversions:\n    'web': '0.1.0'\n",
    ],
)
def test_all_plain_notations_of_a_pin_can_be_edited(text: str) -> None:
    after = with_pin(text, "staging.yaml", "web", Version(1, 2, 3))
    assert after == text.replace("0.1.0", "1.2.3")


@pytest.mark.parametrize(
    "text",
    [
        "versions: {web: &same 0.1.0, annotate: *same}",
        "versions: {annotate: &same 0.1.0, web: *same}",
        "versions: {web: !!str 0.1.0}",
        "base: &same 0.1.0\nversions: {web: *same}",
        "versions:\n  web: >-\n    0.1.0\n",
    ],
)
def test_a_pin_with_an_anchor_a_tag_or_an_alias_is_refused(text: str) -> None:
    with pytest.raises(ReleaseError, match=r"staging\.yaml: write the pin of web as web: 0\.1\.0"):
        with_pin(text, "staging.yaml", "web", Version(1, 2, 3))


def test_an_environment_without_versions_pins_nothing() -> None:
    assert read_pins("region: eu-central-1\n", "local.yaml") is None
    with pytest.raises(ReleaseError, match=r"local\.yaml pins no version of web: write web: 1\.2\.3 below versions:"):
        with_pin("region: eu-central-1\n", "local.yaml", "web", Version(1, 2, 3))
