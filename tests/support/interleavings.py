"""All services with one bucket and one catalog, the events that may happen to photos, and the invariants.

`stepped` pauses the real handlers before each statement; Hypothesis searches for an order of steps that violates an
invariant.
"""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from PIL import Image
from pymysql.cursors import DictCursor

from annotate import handler as annotating
from annotate.config import AnnotateSettings
from annotate.errors import RetryableError
from annotate.handler import LEASE_MARGIN_SECONDS, Describer
from catalog.bucket import Bucket
from catalog.events import announced_objects
from catalog.keys import new_id, thumbnail_key, upload_key
from catalog.pending import MAX_RESENT, PATIENCE_MINUTES, RESEND_MINUTES
from catalog_functions.sweeper import Sweeper
from catalog_functions.topic import Topic
from support.catalog_rows import empty
from support.stepped import OUTSIDE, S3, Clock, Model, SteppedDatabase, Version, Work
from thumbnail.handler import Thumbnailer
from web.backends import Backends
from web.config import WebSettings
from web.functions import Functions
from web.search_budget import SearchBudget
from web.statistics import StatisticsCache
from web.storage import Storage

BUCKET = "photos"
FUNCTIONS = ("annotate", "thumbnail")
DELIVERY_SECONDS = 60.0
moments = st.sampled_from(["the next step", OUTSIDE, OUTSIDE, "the end"])
"""When a work pauses; OUTSIDE is a good moment for other work to run."""

photos = st.sampled_from([0, 0, 0, 0, 0, 1])
Row = SimpleNamespace  # the columns of a row of the catalog, and whether it is deleted
answers = st.sampled_from(["a description", "a description", "an outage", "a refusal"])


@dataclass
class Photo:
    """The expected state of a photo."""

    id: str = field(default_factory=new_id)
    versions: list[Version] = field(default_factory=list)
    """In order of upload; the last one is in the bucket."""
    words: dict[str, Any] = field(default_factory=dict)
    """The last text that a person wrote in each field."""
    deleted: bool = False
    captions: dict[int, set[str]] = field(default_factory=dict)
    """All recorded answers of the model, by version."""


class World:
    """All services with one bucket and one catalog; deliveries wait until they are run."""

    def __init__(self, database: SteppedDatabase, app: Flask) -> None:
        self.clock = database.clock = Clock()
        self.s3 = S3(self.clock)
        self.database = database
        self.app = app
        self.works: list[Work] = []
        s3: Any = self.s3
        bucket = Bucket(BUCKET, s3)
        session: Any = SimpleNamespace(client=self._client, get_credentials=lambda: SIGNER)
        settings = DATABASE | {"bucket_name": BUCKET}
        web = WebSettings(**settings, thumbnail_function="thumbnail", annotate_function="annotate")
        app.extensions["backends"] = Backends(
            database,
            database,
            SearchBudget(),
            StatisticsCache(database),
            Storage(session, BUCKET),
            Functions(session, web),
        )
        self.thumbnailer = Thumbnailer(bucket, database)
        self.describer = Describer(AnnotateSettings(**settings), bucket, database)
        sns: Any = SimpleNamespace(publish=self._publish)
        self.sweeper = Sweeper(bucket, Topic(sns, "topic", BUCKET), database)
        with database.connection() as connection:
            empty(connection)

    def announce(self, photo: str) -> None:
        """Deliver an event to both functions."""
        for function in FUNCTIONS:
            self.deliver(function, photo)

    def deliver(self, function: str, photo: str) -> Work:
        """Deliver an event to a function."""
        if function == "thumbnail":
            work = partial(self.thumbnailer.process, photo)
        else:
            work = partial(self.describer.process, photo, DELIVERY_SECONDS)
        return self._start(f"{function} of {photo}", work)

    def request(self, method: str, photo: str, path: str = "", **body: Any) -> Work:
        """Send a request to the gallery."""
        send = partial(self.app.test_client().open, f"/api/images/{photo}{path}", method=method, json=body)
        return self._start(f"{method} {path} {photo}", send)

    def sweep(self) -> None:
        """Start a run of the sweep."""
        self._start("sweep", self.sweeper.run)

    def _start(self, name: str, run: Callable[[], object]) -> Work:
        self.works.append(Work(name, run))
        return self.works[-1]

    def end(self, work: Work) -> None:
        """Kill a work unless it is done, and remove it."""
        work.kill()
        self.works.remove(work)

    def rows(self) -> dict[str, Row]:
        """Read the whole catalog."""
        with self.database.connection() as connection, connection.cursor(DictCursor) as cursor:
            cursor.execute("SELECT *, deleted_at IS NOT NULL AS deleted FROM image")
            return {columns["id"]: Row(**columns) for columns in cursor.fetchall()}

    def _publish(self, Message: str, **_: str) -> None:  # noqa: N803 - boto3's names
        for stored in announced_objects({"Records": [{"Sns": {"Message": Message}}]}):
            self.announce(stored.key.rpartition("/")[2])

    def _client(self, service: str, **_: object) -> Any:
        return self.s3 if service == "s3" else SimpleNamespace(invoke=self._invoke)

    def _invoke(self, FunctionName: str, Payload: str, **_: str) -> None:  # noqa: N803 - boto3's names
        for stored in announced_objects(json.loads(Payload)):
            self.deliver(FunctionName, stored.key.rpartition("/")[2])


DATABASE: dict[str, Any] = {"database_host": "here", "database_name": "gallery", "database_secret_arn": "secret"}
SIGNER = SimpleNamespace(get_frozen_credentials=lambda: SimpleNamespace(access_key="key"))


class Interleavings(RuleBasedStateMachine):
    """The events that may happen, and the invariants that must hold after each step."""

    def __init__(self, database: SteppedDatabase, app: Flask, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.world = World(database, app)
        model = Model(self.world.clock)
        patch.setattr(annotating, "make_annotator", lambda *_: model)
        self.photos = [Photo() for _ in range(2)]
        self.before: dict[str, Row] = {}
        self.width = 8
        self.deleting: dict[Work, int] = {}
        """Requests to delete an existing photo, and its number of versions."""

        self.broken_off: list[Callable[[], object]] = []
        """Work that will be repeated because it was killed or failed."""

    # Events

    @rule(photo=photos, announced=st.booleans())
    def upload(self, photo: int, announced: bool) -> None:
        """Store another version under the same key; its event may be lost."""
        target = self.photos[photo]
        self.width += 1
        body = io.BytesIO()
        Image.new("RGB", (self.width, 8)).save(body, "PNG")
        target.versions.append(self.world.s3.upload(upload_key(target.id), body.getvalue()))
        if announced:
            self.world.announce(target.id)

    @rule(photo=photos, function=st.sampled_from(FUNCTIONS), until=moments, answer=answers)
    def deliver_again(self, photo: int, function: str, until: str, answer: str) -> None:
        """Deliver an event, repeated or late."""
        self.run(self.world.deliver(function, self.photos[photo].id), until, answer)

    @rule(photo=photos, method=st.sampled_from(["PUT", "DELETE", "POST"]))
    def request(self, photo: int, method: str) -> None:
        """Start a completion, a deletion or a retry."""
        target = self.photos[photo].id
        work = self.world.request(method, target, "/retry" if method == "POST" else "")
        if method == "DELETE" and upload_key(target) in self.world.s3.objects:
            self.deleting[work] = len(self.photos[photo].versions)

    @rule()
    def sweep(self) -> None:
        """Start a run of the sweep."""
        self.world.sweep()

    @rule(photo=photos, name=st.sampled_from(["caption", "alt_text"]), text=st.sampled_from(["Mine", "Mine, too", ""]))
    def edit(self, photo: int, name: str, text: str) -> None:
        """Save a person's text."""
        edit = self.world.request("PATCH", self.photos[photo].id, **{name: text})
        edit.finish()
        self.world.end(edit)
        if edit.result.status_code == 200:
            self.photos[photo].words[name] = text

    @precondition(lambda self: self.world.works)
    @rule(number=st.integers(0, 3), until=moments, answer=answers)
    def go_on(self, number: int, until: str, answer: str) -> None:
        """Resume recent work."""
        self.run(self._choose(number), until, answer)

    @precondition(lambda self: self.world.works)
    @rule(number=st.integers(0, 3))
    def kill(self, number: int) -> None:
        """Kill recent work at its current step."""
        self._kill(self._choose(number))

    @rule(seconds=st.sampled_from([1, 70, 60 * PATIENCE_MINUTES + 1, 60 * RESEND_MINUTES + 1]))
    def wait(self, seconds: int) -> None:
        """Let time pass: shorter or longer than a lease, or until a photo is overdue for the first time or again."""
        self.world.clock.passed += seconds

    # Invariants

    @invariant()
    def promises_hold(self) -> None:
        """Check all invariants."""
        self._check()

    def _check(self) -> None:
        rows = self.world.rows()
        for photo in self.photos:
            row = rows.get(photo.id)
            before = self.before.get(photo.id)
            if row is None:
                assert before is None, "a row was lost"
                continue
            assert photo.versions, "a row without an upload"
            if row.deleted:
                photo.deleted = True
            assert row.deleted == photo.deleted, "a deleted photo came back"
            if not row.deleted:
                self._check_results(photo, row)
                self._check_progress(before, row)
        self._check_leases()
        self.before = rows

    def _check_results(self, photo: Photo, row: Row) -> None:
        version = next(version for version in photo.versions if version.etag == row.etag)
        if row.thumbnail_status == "ready":
            assert row.width == version.width, "the row describes the thumbnail of another version"
        if row.thumbnail_status == "failed":
            assert row.thumbnail_reason
        if row.annotation_status == "failed":
            assert row.annotation_reason
        for name, text in photo.words.items():
            assert getattr(row, name) == text, "a person's text was overwritten"
        if row.annotation_status == "ready" and not row.edited:
            assert row.caption is not None
            assert row.caption.startswith(f"Version {version.width},"), "the caption describes another version"
            answers = photo.captions.setdefault(version.width, set())
            answers.add(row.caption)
            assert len(answers) == 1, "two answers about one version were recorded"

    def _check_progress(self, before: Row | None, row: Row) -> None:
        if before is not None and before.etag == row.etag:
            for part in ("thumbnail_status", "annotation_status"):
                if getattr(before, part) == "ready":
                    assert getattr(row, part) == "ready", "a ready part is no longer ready"

    def _check_leases(self) -> None:
        now = self.world.clock.now
        asked = [
            work.asks_about
            for work in self.world.works
            if work.asks_about and now < work.asked_at + DELIVERY_SECONDS + LEASE_MARGIN_SECONDS
        ]
        assert len(asked) == len(set(asked)), "two deliveries hold a lease for one version"

    def _kill(self, work: Work) -> None:
        self.world.end(work)
        self._expect_again(work)

    def _expect_again(self, work: Work) -> None:
        """Plan a repetition: Lambda delivers again, or a person without an answer presses the button again."""
        if work in self.deleting:
            self.broken_off.append(partial(self.world.request, "DELETE", self._photo(work).id))
        if work.name.startswith(FUNCTIONS):
            function = work.name.partition(" ")[0]
            self.broken_off.append(partial(self.world.deliver, function, self._photo(work).id))

    def _photo(self, work: Work) -> Photo:
        return next(photo for photo in self.photos if work.name.endswith(photo.id))

    def _choose(self, number: int) -> Work:
        works = self.world.works
        return works[-1 - number % len(works)]

    def run(self, work: Work, until: str, answer: str) -> None:
        """Resume work until a moment; `answer` is what the model answers."""
        work.answer = answer
        self.step(work)
        while not work.done and until not in ("the next step", work.next):
            self.step(work)

    def step(self, work: Work) -> None:
        """Resume work for one step."""
        work.step()
        self._check()
        if work.done:
            self.world.end(work)
            photo = self._photo(work) if work in self.deleting else None
            if photo and len(photo.versions) == self.deleting[work]:
                photo.deleted = True
            if work.failure:
                assert isinstance(work.failure, RetryableError), repr(work.failure)
                self._expect_again(work)

    # The end

    def teardown(self) -> None:
        """Kill all work; then, without faults, a few runs of the sweep must finish everything."""
        for work in [*self.world.works]:
            self._kill(work)
        self._check()
        for again in self.broken_off:
            again()
        self._finish()
        for _ in range(MAX_RESENT + 1):
            self.world.clock.passed += 60 * RESEND_MINUTES + 1
            self.world.sweep()
            self._finish()
        for photo in self.photos:
            self.world.request("POST", photo.id, "/retry")
        self._finish()
        self._check_end()

    def _finish(self) -> None:
        while self.world.works:
            work = self.world.works[0]
            work.answer = "a description"
            while not work.done:
                self.step(work)

    def _check_end(self) -> None:
        rows, stored = self.world.rows(), self.world.s3.objects
        for photo in self.photos:
            row, original = rows.get(photo.id), stored.get(upload_key(photo.id))
            if photo.deleted:
                assert thumbnail_key(photo.id) not in stored, "a deleted photo left its thumbnail"
            elif original:  # without an object, the photo was deleted before it had a row
                assert row is not None, "a photo was lost"
                assert row.etag == original.etag, "the row describes an older version"
                assert (row.thumbnail_status, row.annotation_status) == ("ready", "ready")
                assert stored[thumbnail_key(photo.id)].width == original.width, "the thumbnail shows another version"
