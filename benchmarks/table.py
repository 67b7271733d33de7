"""The table of results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A measured value and its goal, which is the least acceptable value (or the most, if smaller is better)."""

    name: str
    value: float
    goal: float
    unit: str = ""
    smaller_is_better: bool = False

    @property
    def reached(self) -> bool:
        """Whether the value reaches the goal."""
        return self.value <= self.goal if self.smaller_is_better else self.value >= self.goal

    def cells(self) -> tuple[str, ...]:
        """Return the texts of the row."""
        sign = "≤" if self.smaller_is_better else "≥"
        measured = f"{self.value:.2f}{self.unit}"
        return self.name, measured, f"{sign} {self.goal:g}{self.unit}", "yes" if self.reached else "no"


def table(rows: Iterable[Row]) -> str:
    """Return a Markdown table."""
    cells = [("", "measured", "goal", "reached"), *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
