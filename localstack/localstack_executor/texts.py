"""CloudFormation passes scalars on as strings: true, 5 and 0.5 become `true`, `5` and `0.5`."""

from typing import Any


def as_texts(value: Any) -> Any:
    """Return the same mapping, list or scalar with every scalar as a string."""
    if isinstance(value, dict):
        return {name: as_texts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [as_texts(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
