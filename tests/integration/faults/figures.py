"""The measurements of the fault tests, printed as a table at the end of the run. No test asserts a time."""

from dataclasses import astuple, dataclass, fields


@dataclass
class Figures:
    """The measurements for one fault."""

    fault: str
    photos: int = 0
    deliveries: int = 0
    """Invocations of the thumbnail and annotate functions."""
    requests: int = 0
    """Requests to Gemini."""
    lost: int = 0
    """Paid answers that were lost because the function was killed or timed out."""
    dead_letters: int = 0
    sweeps: int = 0
    """Sweeps, an hour apart, until everything was settled."""
    seconds: float = 0.0
    """From the end of the fault until everything was settled, or from the first request to Gemini to the last."""


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
    """Format a figure; zero is a dash."""
    text = f"{value:.1f}" if isinstance(value, float) else str(value)
    return "-" if text in ("0", "0.0") else text
