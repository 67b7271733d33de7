"""Whatever Gemini answers and people do, spending is bounded, the ledger is right, and no photo is lost."""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from annotate import handler
from catalog import images, ledger, pause, queue
from catalog.database import Database
from catalog.images import Image
from catalog.prices import PRICES
from catalog.selection import parse
from support import photos
from support.catalog_rows import empty, row
from support.gemini_server import (
    DROP,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    OVERLOADED,
    GeminiServer,
    Reply,
    Request,
    answer,
    failure,
    finished,
)
from support.lambda_context import LambdaContext, event_of, fresh_process
from support.uploads import put_upload

BUCKET = "photos"
KEYS = ["AIza-the-first-key-of-the-tests", "AQ.the-second-key-of-the-tests"]
BUDGETS = ["0.004", "0.012", "1"]
PHOTOS = 3
USD = PRICES["gemini-3.5-flash-lite"][-1].cost(INPUT_TOKENS, OUTPUT_TOKENS)

GOOD = answer(json.dumps({"caption": "A cat.", "alt_text": "A cat.", "tags": ["cat"]}))
PAID = {"unusable": finished("OTHER"), "loop": finished("MAX_TOKENS", [{"text": "{"}]), "refused": finished("SAFETY")}
UNPAID = {
    "overloaded": OVERLOADED,
    "throttled": failure(429, "RESOURCE_EXHAUSTED", "Slow down."),
    "no credits": failure(402, "PAYMENT_REQUIRED", "No credits."),
    "no model": failure(404, "NOT_FOUND", "No such model."),
    "rejected image": failure(400, "INVALID_ARGUMENT", "Unable to process input image."),
}
MAY_BE_PAID = {"dropped": DROP}
REPLIES = {"good": GOOD, **PAID, **UNPAID, **MAY_BE_PAID}


@dataclass
class Billed:
    """What the service billed for one photo, by its own count."""

    answers: list[str] = field(default_factory=list)


class Spending(RuleBasedStateMachine):
    """Deliveries, replies, rotations of the key, limits and edits in any order."""

    def __init__(self, database: Database, gemini: GeminiServer, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.database, self.gemini, self.patch = database, gemini, patch
        with database.connection() as connection:
            empty(connection)
        self.secrets = boto3.client("secretsmanager")
        self.valid_key = KEYS[0]
        self.reply = "good"
        self.billed: dict[int, Billed] = {}
        self.edits: dict[str, dict[str, Any]] = {}
        self.budget = Decimal(BUDGETS[-1])
        gemini.requests.clear()
        patch.setattr(gemini, "choose", self.choose)
        self.store_key(KEYS[0])
        self.deploy(BUDGETS[-1])
        self.photos = {put_upload(BUCKET, photos.jpeg(64 + number, 48)): 64 + number for number in range(PHOTOS)}
        for photo in self.photos:
            self.deliver(photo, "overloaded")

    def choose(self, request: Request) -> Reply:
        """Answer as planned, and count what is billed."""
        if request.api_key != self.valid_key:
            return failure(400, "INVALID_ARGUMENT", "API key not valid.", "API_KEY_INVALID")
        if self.reply not in UNPAID:
            self.billed.setdefault(request.picture.width, Billed()).answers.append(self.reply)
        return REPLIES[self.reply]

    def store_key(self, key: str) -> None:
        self.secrets.put_secret_value(SecretId="gemini", SecretString=key)

    def deploy(self, budget: str) -> None:
        self.budget = Decimal(budget)
        self.patch.setenv("MONTHLY_BUDGET_USD", budget)
        handler.describer().close()
        handler.describer.cache_clear()

    def _row(self, photo: str) -> Image:
        return row(self.database, photo)

    chosen = st.integers(0, PHOTOS - 1)

    @rule(number=chosen, reply=st.sampled_from([*REPLIES]), times=st.integers(1, 4))
    def events(self, number: int, reply: str, times: int) -> None:
        """Deliver events of a photo; Gemini gives this reply to each of their requests."""
        for _ in range(times):
            self.deliver([*self.photos][number], reply)

    def deliver(self, photo: str, reply: str) -> None:
        self.reply = reply
        before = self.spent()
        with suppress(ExceptionGroup):
            handler.handle(event_of(BUCKET, photo), LambdaContext(30))
        assert self.spent() <= max(before, self.budget), "the budget does not hold"

    def spent(self) -> Decimal:
        with self.database.connection() as connection:
            return ledger.spending(connection).month_usd

    @rule(action=st.sampled_from(["Google's key", "the secret", "the budget", "time"]), number=st.integers(0, 3))
    def change(self, action: str, number: int) -> None:
        """Let Gemini accept another key only, store another text in the secret, deploy another budget, or wait."""
        if action == "Google's key":
            self.valid_key = KEYS[number % 2]
        elif action == "the secret":
            self.store_key([*KEYS, " ", '{"a": 1, "b": 2}'][number])
        elif action == "the budget":
            self.deploy(BUDGETS[number % 3])
        with self.database.connection() as connection:
            pause.try_now(connection)

    @rule(number=chosen, name=st.sampled_from(["caption", "alt_text", "Retry"]))
    def edit(self, number: int, name: str) -> None:
        """Save a person's text, or press Retry."""
        photo = [*self.photos][number]
        with self.database.connection() as connection:
            if name == "Retry":
                images.retry(connection, photo)
            else:
                self.edits.setdefault(photo, {})[name] = "Mine"
                images.edit(connection, photo, **{name: "Mine"})

    @invariant()
    def at_most_two_paid_answers_are_unusable(self) -> None:
        for width, billed in self.billed.items():
            unusable = [reply for reply in billed.answers if reply in ("unusable", "loop")]
            assert len(unusable) <= 2, (width, billed)

    @invariant()
    def the_ledger_agrees_with_what_was_billed(self) -> None:
        with self.database.connection() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT outcome, usd FROM annotation_request")
            rows = cursor.fetchall()
        billed = [reply for photo in self.billed.values() for reply in photo.answers]
        assert len(rows) == len(billed)
        paid = [reply for reply in billed if reply not in MAY_BE_PAID]
        assert sum(usd for _, usd in rows if usd is not None) == USD * len(paid)
        assert sum(usd is None for _, usd in rows) == len(billed) - len(paid), "an unknown cost counts as unknown"
        assert not [outcome for outcome, _ in rows if outcome == "open"]

    @invariant()
    def persons_texts_stay(self) -> None:
        for photo, texts in self.edits.items():
            found = self._row(photo)
            assert {name: getattr(found, name) for name in texts} == texts

    @invariant()
    def no_photo_is_lost(self) -> None:
        for photo in self.photos:
            found = self._row(photo)
            assert (found.annotation_status == "failed") == (
                found.annotation_reason is not None and found.annotation_status != "ready"
            )
            assert found.annotation_status != "ready" or found.caption

    def teardown(self) -> None:
        """When everything works, each photo ends ready, or failed with a reason that only a person can change."""
        self.valid_key = KEYS[0]
        self.store_key(KEYS[0])
        self.deploy("1000")
        for photo in self.photos:
            self.change("time", 0)
            self.deliver(photo, "good")
        with self.database.connection() as connection:
            assert pause.current(connection) is None or queue.size(connection) == 0
            assert {self._row(photo).annotation_status for photo in self.photos} <= {"ready", "failed"}
            queue.annotate_again(connection, parse("state:failed"), "keep")
        for photo in self.photos:
            self.deliver(photo, "good")
            assert self._row(photo).annotation_status == "ready"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_spending_is_bounded_and_nothing_is_lost(
    database: Database, gemini: GeminiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GEMINI_API_KEY", "GEMINI_MODEL", "LANGUAGE", "DAILY_REQUEST_LIMIT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BUCKET_NAME", BUCKET)
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    arn = boto3.client("secretsmanager").create_secret(Name="gemini", SecretString=KEYS[0])["ARN"]
    monkeypatch.setenv("GEMINI_SECRET_ARN", arn)
    with fresh_process(handler.describer):
        machine: Any = partial(Spending, database, gemini, monkeypatch)
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=15,
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=[*HealthCheck],
            ),
        )
