"""What the tests of faults measured, as a table at the end of the run. Nothing asserts a time."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields


@dataclass
class Figures:
    """Of one fault."""

    fault: str
    photos: int = 0
    deliveries: int = 0
    """Events that the thumbnail and the annotate function were started with."""
    requests: int = 0
    """Requests to Gemini."""
    lost: int = 0
    """Paid answers that nobody got: of a function that was killed, or gave up waiting."""
    dead_letters: int = 0
    sweeps: int = 0
    """How often the sweep ran, an hour apart, until everything was settled."""
    seconds: float = 0.0
    """From clearing the fault until everything was settled; or from the first request to Gemini to the last."""


def table(measured: list[Figures]) -> list[str]:
    """Return the lines of a table in Markdown."""
    names = [field.name.replace("_", " ") for field in fields(Figures)]
    rows = [[_text(value) for value in astuple(one)] for one in measured]
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    lines = [names, ["-" * width for width in widths], *rows]
    return [
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]


def _text(value: str | float) -> str:
    """Return a figure; nothing is a dash."""
    text = f"{value:.1f}" if isinstance(value, float) else str(value)
    return "-" if text in ("0", "0.0") else text
