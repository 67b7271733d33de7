"""An account of requests in memory, which follows the protocol of `annotate.annotator.Account`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from annotate.errors import AnnotationRefusedError
from catalog.ledger import MAX_UNUSABLE_ANSWERS, Answer


@dataclass(frozen=True)
class Opened:
    """The arguments with which a request was opened."""

    model: str
    prompt_version: str
    most_input_tokens: int
    most_output_tokens: int


@dataclass
class MemoryAccount:
    """The requests for one photo. As in the ledger, an open request counts as an unusable answer."""

    opened: list[Opened] = field(default_factory=list)
    settled: list[Answer] = field(default_factory=list)
    cancelled: int = 0
    before_opening: Callable[[], None] = lambda: None
    """Raises what the operator's limits demand."""

    _open: set[str] = field(default_factory=set)

    @property
    def open_requests(self) -> int:
        """The number of requests that were neither settled nor cancelled."""
        return len(self._open)

    def open(self, model: str, prompt_version: str, most_input_tokens: int, most_output_tokens: int) -> str:
        """Open a request, unless two answers were unusable."""
        self.before_opening()
        unusable = sum(answer.outcome == "unusable" for answer in self.settled)
        if unusable + self.open_requests >= MAX_UNUSABLE_ANSWERS:
            raise AnnotationRefusedError("Two answers were unusable.")
        self.opened.append(Opened(model, prompt_version, most_input_tokens, most_output_tokens))
        request_id = f"request {len(self.opened)}"
        self._open.add(request_id)
        return request_id

    def settle(self, request_id: str, answer: Answer) -> None:
        """Settle an open request."""
        self._open.remove(request_id)
        self.settled.append(answer)

    def cancel(self, request_id: str) -> None:
        """Forget an open request."""
        self._open.remove(request_id)
        self.cancelled += 1
