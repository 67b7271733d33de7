"""What can be wrong with a gallery, as people are told it.

GalleryError            the gallery did not do as it should
└── UnreachableError    nothing answers there
"""


class GalleryError(Exception):
    """The gallery did not do as it should; the message says what was expected, what came and what to look at."""

    def __init__(self, expected: str, came: str, advice: str) -> None:
        """Keep the three parts of the message."""
        super().__init__(f"Expected {expected}, but {came.rstrip('.')}.\n{advice}")
        self.came = came


class UnreachableError(GalleryError):
    """Nothing answers there."""
