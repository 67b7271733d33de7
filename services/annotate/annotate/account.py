"""The requests for one photo, kept in the catalog's ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from annotate.errors import AnnotationRefusedError, PausedError
from catalog import ledger, pause
from catalog.keys import new_id
from catalog.ledger import Answer, LimitReachedError, Limits, Request

if TYPE_CHECKING:
    from pymysql.connections import Connection

    from catalog.database import Database
    from catalog.uploads import Upload

UNUSABLE = (
    f"Gemini answered {ledger.MAX_UNUSABLE_ANSWERS} times without a usable caption ({{reason}})."
    " You can write one yourself."
)


class PhotoAccount:
    """Opens requests in the ledger at once, and keeps answers until `write` records them with the photo's row.

    If the process is killed in between, the request stays open: it counts as an unusable answer at its highest cost.
    """

    def __init__(self, database: Database, upload: Upload, limits: Limits) -> None:
        """Create an account without requests."""
        self._database = database
        self._upload = upload
        self._limits = limits
        self._answers: dict[str, Answer | None] = {}

    @property
    def was_answered(self) -> bool:
        """Whether the model's service accepted a request and answered it."""
        return any(answer and answer.outcome != "unanswered" for answer in self._answers.values())

    def open(self, model: str, prompt_version: str, most_input_tokens: int, most_output_tokens: int) -> str:
        """Open a request, before it is sent, and return its id.

        Raises:
            PausedError: the budget or the daily limit is reached.
            AnnotationRefusedError: too many paid answers to this photo were unusable.
            catalog.database.DatabaseUnavailableError: nothing may be sent that cannot be recorded.
        """
        request = Request(
            id=new_id(),
            image_id=self._upload.id,
            etag=self._upload.etag,
            model=model,
            prompt_version=prompt_version,
            most_input_tokens=most_input_tokens,
            most_output_tokens=most_output_tokens,
        )

        def write_and_open(connection: Connection[Any]) -> str | None:
            pause.lock(connection)
            self.write(connection)
            if ledger.open_request(connection, request, self._limits):
                return None
            reason = ledger.last_finish_reason(connection, self._upload.id, self._upload.etag)
            return UNUSABLE.format(reason=reason or "no answer was recorded")

        try:
            refusal = self._database.run(write_and_open, in_transaction=True)
        except LimitReachedError as error:
            raise PausedError(error.cause, error.detail) from error
        if refusal:
            raise AnnotationRefusedError(refusal)
        return request.id

    def settle(self, request_id: str, answer: Answer) -> None:
        """Keep an answer for `write`."""
        self._answers[request_id] = answer

    def cancel(self, request_id: str) -> None:
        """Let `write` remove a request that the service did not bill."""
        self._answers[request_id] = None

    def write(self, connection: Connection[Any]) -> None:
        """Record the answers in the ledger; idempotent. Run it in a transaction."""
        for request_id, answer in self._answers.items():
            if answer is None:
                ledger.cancel(connection, request_id)
            else:
                ledger.settle(connection, request_id, answer)

    def budget_used_percent(self, connection: Connection[Any]) -> int | None:
        """Return the share of the monthly budget that is spent; None without a request or a budget."""
        if not self._answers or not self._limits.monthly_budget_usd:
            return None
        return int(100 * ledger.spending(connection).month_usd / self._limits.monthly_budget_usd)
