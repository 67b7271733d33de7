"""Errors of a gallery."""


class GalleryError(Exception):
    """The gallery did not behave as expected; the message has the expectation, what happened, and what to check."""

    def __init__(self, expected: str, actual: str, advice: str) -> None:
        """Build the message from its three parts."""
        super().__init__(f"Expected {expected}, but {actual.rstrip('.')}.\n{advice}")
        self.actual = actual


class UnreachableError(GalleryError):
    """The connection failed or timed out."""
