"""What Lambda tells a handler about an invocation."""

from dataclasses import dataclass


@dataclass
class Invocation:
    """The part of Lambda's context that handlers read."""

    seconds: float = 240

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function is stopped."""
        return round(self.seconds * 1000)
