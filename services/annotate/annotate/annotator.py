"""What every annotator does: describe a picture, and report each request that may be billed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from catalog.images import Annotation
from catalog.ledger import Answer

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Facts:
    """What the file says about the photo. It is data for the model, never an instruction."""

    filename: str = ""
    taken: str | None = None
    """The local time of the shot, as in `2026-06-30 18:05`."""
    camera: str | None = None


class Account(Protocol):
    """Opens and settles the requests for one photo. `annotate.account` keeps them in the catalog's ledger."""

    def open(self, model: str, prompt_version: str, most_input_tokens: int, most_output_tokens: int) -> str:
        """Open a request, before it is sent, and return its id.

        Raises:
            PausedError: the budget or the daily limit is reached.
            AnnotationRefusedError: too many paid answers to this photo were unusable.
        """

    def settle(self, request_id: str, answer: Answer) -> None:
        """Keep an answer, which is recorded together with the outcome for the photo."""

    def cancel(self, request_id: str) -> None:
        """Forget a request that the service did not bill."""


class Annotator(Protocol):
    """Gemini or the offline tagger."""

    def annotate(self, image: Image, facts: Facts, account: Account, /) -> Annotation:
        """Annotate an RGB picture.

        Raises:
            AnnotationRefusedError, PausedError, RetryableError: see `annotate.errors`.
        """
