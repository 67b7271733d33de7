"""Plans and drift as Markdown sections, for comments, issues and job summaries on GitHub.

Names, values and messages are data. They are set as code, in which GitHub interprets no markup, mention or link.
https://github.github.com/gfm/
"""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

from deploy.drift import Drift
from deploy.errors import BusyError
from deploy.gate import is_refusable, refusals
from deploy.plan import Plan
from deploy.show import drift_text, losses, plan_text, total_text

LONGEST = 30_000
"""Characters of a section: GitHub accepts 65,536 in a comment, which has a section for each of two environments."""

_LONGEST_LIST = 5_000
_REST = "… and more; see the job log"


def plan_section(plan: Plan) -> str:
    """Return a summary of a plan that highlights data loss, with the complete plan folded away."""
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
    if plan.changes_anything or plan.orphaned:
        details = "<details><summary>Full plan</summary>\n\n{}\n\n</details>"
        room = LONGEST - len("\n\n".join([*parts, details])) - 1
        parts.append(details.format(_block(plan_text(plan), room)))
    return _section(parts)


def drift_section(environment: str, drifts: Sequence[Drift]) -> str:
    """Return the drift and what to do about it; an empty text without drift."""
    if not drifts:
        return ""
    return _section(
        [
            _heading(environment),
            "**Resources differ from their templates.**",
            _block(drift_text(drifts), LONGEST - 1_000),
            f"Undo the change, or put it into the template and deploy; `make drift ENV={environment}` checks again. "
            "If AWS reports a difference that is not a real change, add it to `FALSE_ALARMS` in "
            "`infrastructure/tools/deploy/drift.py`, with the reason.",
        ]
    )


def failure_section(environment: str, command: str, error: Exception) -> str:
    """Return why a command failed, and what to do.

    Args:
        environment: its name.
        command: the target of the Makefile that failed, such as `plan`.
        error: the reason; the section contains its message.
    """
    advice = (
        "Run the job again when the other change is done."
        if isinstance(error, BusyError)
        else "Fix the cause and push again. If it is temporary, run the job again."
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
    """Return parts as an alert.

    https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#alerts
    """
    text = "\n\n".join(parts)
    return "\n".join([f"> [!{kind}]", *(f"> {line}".rstrip() for line in text.splitlines())])


def _allowed(plan: Plan) -> tuple[str, ...]:
    """Return the losses of protected resources that overrides allow."""
    protected = [sentence for stack in plan.stacks for sentence in refusals(stack.name, stack.changes, {})]
    allowed = [sentence for sentence in protected if sentence not in plan.refused]
    if not allowed:
        return ()
    file = _environment_file(plan)
    return f"**Data will be lost when this is applied; `overrides` in {file} allow it:**", _block(
        "\n".join(allowed), _LONGEST_LIST
    )


def _environment_file(plan: Plan) -> str:
    return _code(f"infrastructure/environments/{plan.environment}.yaml")


def _refusal(plan: Plan) -> Iterator[str]:
    """Yield the refused changes, and what to do about them."""
    resources = [sentence.partition(" ")[0] for sentence in plan.refused]
    yield "**REFUSED: this plan will not be applied.**"
    yield _block("\n".join(plan.refused), _LONGEST_LIST)
    yield f"Undo the change or, if the loss is intended, allow it in {_environment_file(plan)} with a reason:"
    overrides = ["overrides:", *(f"  {resource}: <reason>" for resource in resources)]
    yield _block("\n".join(overrides), _LONGEST_LIST, "yaml")


def _code(text: str) -> str:
    """Return a text as a code span, with a fence longer than any run of backticks in it."""
    text = " ".join(text.split()) or " "
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    padding = " " if "`" in (text[0], text[-1]) else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def _block(text: str, room: int, language: str = "text") -> str:
    """Return a text as a code block, cut to `room` characters."""
    fence = "```"
    text = text.replace(fence, "'''")
    room -= len(f"{fence}{language}\n\n{_REST}\n{fence}")
    if len(text) > room:
        whole_lines = text[:room].rpartition("\n")[0]
        text = f"{whole_lines or text[:room]}\n{_REST}"
    return f"{fence}{language}\n{text}\n{fence}"


def _cut(lines: Sequence[str], rest: str) -> list[str]:
    """Return the first lines that fit into a list, and `rest` if there are more."""
    lengths = accumulate(len(line) + 1 for line in lines)
    kept = [line for line, length in zip(lines, lengths, strict=True) if length <= _LONGEST_LIST]
    return kept if len(kept) == len(lines) else [*kept, rest]
