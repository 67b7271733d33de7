"""Plans and drift as sections in Markdown: for comments, issues and job summaries of GitHub.

Names, values and messages are data. They stand in code, where GitHub interprets nothing: no markup, mention or link.
https://github.github.com/gfm/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

from deploy.drift import Drift
from deploy.errors import BusyError
from deploy.gate import is_refusable, refusals
from deploy.plan import Plan
from deploy.show import drift_text, losses, plan_text, total_text

LONGEST = 30_000
"""Characters of a section: GitHub takes 65,536 in a comment, which has a section for each of two environments."""

_LONGEST_LIST = 5_000
_REST = "… and more: the log of the job has all of it"


def plan_section(plan: Plan) -> str:
    """Return what would change: what people must not miss, and the whole plan folded away."""
    parts = [_heading(plan.environment)]
    if plan.refused:
        parts.append(_alert("CAUTION", *_refusal(plan)))
    if allowed := _allowed(plan):
        parts.append(_alert("WARNING", *allowed))
    parts.append(f"**{total_text(plan)}**")
    if versions := list(_versions(plan)):
        parts.append("\n".join(["| Service | Now | Planned |", "|---|---|---|", *_cut(versions, "| … | | |")]))
    if lost := [
        f"- {_code(f'{stack.name}.{change.logical_id}')} ({_code(change.resource_type)}) {fate}"
        + (f" because of {_code(', '.join(change.causes))}" if change.causes else "")
        for stack, change, fate in losses(plan)
        if not is_refusable(change)
    ]:
        parts.append("\n".join(_cut(lost, f"- {_REST}")))
    if plan.changes_anything or plan.left_over:
        details = "<details><summary>The whole plan</summary>\n\n{}\n\n</details>"
        room = LONGEST - len("\n\n".join([*parts, details])) - 1
        parts.append(details.format(_block(plan_text(plan), room)))
    return _section(parts)


def drift_section(environment: str, drifts: Sequence[Drift]) -> str:
    """Return what has drifted and what to do about it; nothing at all when nothing has."""
    if not drifts:
        return ""
    return _section(
        [
            _heading(environment),
            "**Not everything is as its template says.**",
            _block(drift_text(drifts), LONGEST - 1_000),
            "Change it back by hand, or write it into the template and deploy; "
            f"`make drift ENV={environment}` looks again. What AWS reports although nobody changed it belongs in "
            "`FALSE_ALARMS` of `infrastructure/tools/deploy/drift.py`, with the reason.",
        ]
    )


def failure_section(environment: str, command: str, error: Exception) -> str:
    """Return why there is no plan or no report of drift, and what to do.

    Args:
        environment: its name.
        command: the target of the Makefile that failed, such as `plan`.
        error: why; its message goes into the section.
    """
    advice = (
        "Run the job again when that is done."
        if isinstance(error, BusyError)
        else "Correct that and push again; if it is something that passes, run the job again."
    )
    failed = f"**{_code(f'make {command} ENV={environment}')} failed.**"
    return _section([_heading(environment), failed, _block(str(error), LONGEST - 1_000), advice])


def _section(parts: Sequence[str]) -> str:
    return "\n\n".join(parts) + "\n"


def _heading(environment: str) -> str:
    return f"### {_code(environment)}"


def _versions(plan: Plan) -> Iterator[str]:
    """Yield a row for each service whose package changes."""
    for service, key in plan.artifacts.items():
        now = plan.deployed.get(service)
        if now != key:
            cells = (service, "none" if now is None else _version(service, now), _version(service, key))
            yield f"| {' | '.join(_code(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def _version(service: str, key: str) -> str:
    """Return the version in the key of a package, which is `service/service-version.zip`."""
    return key.rpartition("/")[2].removeprefix(f"{service}-").removesuffix(".zip")


def _alert(kind: str, *parts: str) -> str:
    """Return parts in a frame that nobody overlooks.

    https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#alerts
    """
    text = "\n\n".join(parts)
    return "\n".join([f"> [!{kind}]", *(f"> {line}".rstrip() for line in text.splitlines())])


def _allowed(plan: Plan) -> tuple[str, ...]:
    """Return what is lost although the gate protects it, because an override allows it."""
    protected = [sentence for stack in plan.stacks for sentence in refusals(stack.name, stack.changes, {})]
    allowed = [sentence for sentence in protected if sentence not in plan.refused]
    if not allowed:
        return ()
    file = _environment_file(plan)
    return f"**Lost once this is applied, as `overrides` in {file} allow:**", _block("\n".join(allowed), _LONGEST_LIST)


def _environment_file(plan: Plan) -> str:
    return _code(f"infrastructure/environments/{plan.environment}.yaml")


def _refusal(plan: Plan) -> Iterator[str]:
    """Yield what is refused, and what to do about it."""
    resources = [sentence.partition(" ")[0] for sentence in plan.refused]
    yield "**REFUSED: nothing of this plan will be applied.**"
    yield _block("\n".join(plan.refused), _LONGEST_LIST)
    yield f"Take the change back; or, if the loss is wanted, name it with the reason in {_environment_file(plan)}:"
    overrides = ["overrides:", *(f"  {resource}: why it may be lost" for resource in resources)]
    yield _block("\n".join(overrides), _LONGEST_LIST, "yaml")


def _code(text: str) -> str:
    """Return a text as a code span, with a fence that is longer than any run of backticks in it."""
    text = " ".join(text.split()) or " "
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    padding = " " if "`" in (text[0], text[-1]) else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def _block(text: str, room: int, language: str = "text") -> str:
    """Return a text, or its beginning, as a code block of at most so many characters."""
    fence = "```"
    text = text.replace(fence, "'''")
    room -= len(f"{fence}{language}\n\n{_REST}\n{fence}")
    if len(text) > room:
        whole_lines = text[:room].rpartition("\n")[0]
        text = f"{whole_lines or text[:room]}\n{_REST}"
    return f"{fence}{language}\n{text}\n{fence}"


def _cut(lines: Sequence[str], rest: str) -> list[str]:
    """Return the first lines that are short enough for a list, and a last one when there are more."""
    lengths = accumulate(len(line) + 1 for line in lines)
    kept = [line for line, length in zip(lines, lengths, strict=True) if length <= _LONGEST_LIST]
    return kept if len(kept) == len(lines) else [*kept, rest]
