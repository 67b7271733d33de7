"""Errors of a gallery."""


class GalleryError(Exception):
    """The gallery does not work as expected; the message has the expectation, the result and advice."""

    def __init__(self, expected: str, came: str, advice: str) -> None:
        """Keep the three parts of the message."""
        super().__init__(f"Expected {expected}, but {came.rstrip('.')}.\n{advice}")
        self.came = came


class UnreachableError(GalleryError):
    """The gallery does not answer."""
