"""All services around one bucket and one catalogue, what may happen to photos there, and what must hold all the time.

`stepped` stops the real handlers before each statement; hypothesis looks for an order of steps that breaks a promise.
"""

from __future__ import annotations

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

from annotate import handler as annotating
from annotate.config import AnnotateSettings
from annotate.errors import RetryableError
from annotate.handler import CLAIM_MARGIN_SECONDS, Describer
from catalog.pending import MAX_RESENT, PATIENCE_MINUTES, RESEND_MINUTES
from catalog.sweep import Sweeper, SweepSettings
from catalog.uploads import StoredObject, announced_objects, new_id, thumbnail_key, upload_key
from support.stepped import OUTSIDE, Bucket, Clock, Model, SteppedDatabase, Version, Work
from thumbnail.handler import Thumbnailer
from web.backends import Backends
from web.config import WebSettings
from web.functions import Functions
from web.storage import Storage

BUCKET = "photos"
FUNCTIONS = ("annotate", "thumbnail")
DELIVERY_SECONDS = 60.0
moments = st.sampled_from(["the next step", OUTSIDE, OUTSIDE, "the end"])
"""Until when a work continues: before the model is asked, or the bucket is changed, is a good moment for others."""

photos = st.sampled_from([0, 0, 0, 0, 0, 1])
answers = st.sampled_from(["a description", "a description", "an outage", "a refusal"])


@dataclass
class Photo:
    """What must hold for a photo, whatever the services did."""

    id: str = field(default_factory=new_id)
    versions: list[Version] = field(default_factory=list)
    """As they were uploaded; the last is the one in the bucket."""
    words: dict[str, Any] = field(default_factory=dict)
    """What a person wrote last in each field."""
    deleted: bool = False
    captions: dict[int, set[str]] = field(default_factory=dict)
    """The answers of the model that were ever recorded, by version."""


@dataclass(frozen=True)
class Row:
    """A photo as the catalogue has it."""

    etag: str
    deleted: bool
    thumbnail_status: str
    thumbnail_reason: str | None
    width: int | None
    annotation_status: str
    annotation_reason: str | None
    caption: str | None
    alt_text: str | None
    edited: bool


class World:
    """All services around one bucket and one catalogue; deliveries wait until somebody runs them."""

    def __init__(self, database: SteppedDatabase, app: Flask) -> None:
        self.clock = database.clock = Clock()
        self.bucket = Bucket(self.clock)
        self.database = database
        self.app = app
        self.works: list[Work] = []
        s3: Any = self.bucket
        session: Any = SimpleNamespace(client=self._client, get_credentials=lambda: SIGNER)
        settings = DATABASE | {"bucket_name": BUCKET}
        web = WebSettings(**settings, thumbnail_function="thumbnail", annotate_function="annotate")
        app.extensions["backends"] = Backends(database, database, Storage(session, BUCKET), Functions(session, web))
        self.thumbnailer = Thumbnailer(BUCKET, s3, database)
        self.describer = Describer(AnnotateSettings(**settings), s3, database)
        topic: Any = SimpleNamespace(publish=self._publish)
        self.sweeper = Sweeper(SweepSettings(**settings, topic_arn="topic"), s3, topic, database)
        with database.connection() as connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM image")

    def announce(self, photo: str) -> None:
        """Let an event arrive at both functions."""
        for function in FUNCTIONS:
            self.deliver(function, photo)

    def deliver(self, function: str, photo: str) -> Work:
        """Let an event arrive at a function."""
        stored = StoredObject(BUCKET, upload_key(photo))
        if function == "thumbnail":
            work = partial(self.thumbnailer.process, stored)
        else:
            work = partial(self.describer.process, stored, DELIVERY_SECONDS)
        self.works.append(Work(f"{function} of {photo}", work))
        return self.works[-1]

    def request(self, method: str, photo: str, path: str = "", **body: Any) -> Work:
        """Let a browser send a request to the gallery."""
        send = partial(self.app.test_client().open, f"/api/images/{photo}{path}", method=method, json=body)
        self.works.append(Work(f"{method} {path} {photo}", send))
        return self.works[-1]

    def sweep(self) -> None:
        """Let the sweep begin a run."""
        self.works.append(Work("sweep", self.sweeper.run))

    def end(self, work: Work) -> None:
        """Kill a work, unless it is done, and forget it."""
        work.kill()
        self.works.remove(work)

    def rows(self) -> dict[str, Row]:
        """Read the whole catalogue."""
        with self.database.connection() as connection, connection.cursor() as cursor:
            cursor.execute(
                """SELECT id, etag, deleted_at IS NOT NULL, thumbnail_status, thumbnail_reason, width,
                     annotation_status, annotation_reason, caption, alt_text, edited FROM image"""
            )
            return {photo: Row(*columns) for photo, *columns in cursor.fetchall()}

    def _publish(self, Message: str, **_: str) -> None:  # noqa: N803 - boto3's names
        for stored in announced_objects({"Records": [{"Sns": {"Message": Message}}]}):
            self.announce(stored.key.rpartition("/")[2])

    def _client(self, service: str, **_: object) -> Any:
        return self.bucket if service == "s3" else SimpleNamespace(invoke=self._invoke)

    def _invoke(self, FunctionName: str, Payload: str, **_: str) -> None:  # noqa: N803 - boto3's names
        for stored in announced_objects(json.loads(Payload)):
            self.deliver(FunctionName, stored.key.rpartition("/")[2])


DATABASE: dict[str, Any] = {"database_host": "here", "database_name": "gallery", "database_secret_arn": "secret"}
SIGNER = SimpleNamespace(get_frozen_credentials=lambda: SimpleNamespace(access_key="key"))


class Interleavings(RuleBasedStateMachine):
    """What may happen, and what must hold after each step."""

    def __init__(self, database: SteppedDatabase, app: Flask, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.world = World(database, app)
        model = Model(self.world.clock)
        patch.setattr(annotating, "make_annotator", lambda _settings: model)
        self.photos = [Photo() for _ in range(2)]
        self.before: dict[str, Row] = {}
        self.width = 8
        self.deleting: dict[Work, int] = {}
        """Requests to delete a photo that was there, and how many versions it had."""

        self.broken_off: list[Callable[[], object]] = []
        """What will be done once more, because it was killed or failed."""

    # What may happen

    @rule(photo=photos, announced=st.booleans())
    def upload(self, photo: int, announced: bool) -> None:
        """Store another file under the same key; its event may be lost."""
        target = self.photos[photo]
        self.width += 1
        body = io.BytesIO()
        Image.new("RGB", (self.width, 8)).save(body, "PNG")
        target.versions.append(self.world.bucket.upload(upload_key(target.id), body.getvalue()))
        if announced:
            self.world.announce(target.id)

    @rule(photo=photos, function=st.sampled_from(FUNCTIONS), until=moments, answer=answers)
    def deliver_again(self, photo: int, function: str, until: str, answer: str) -> None:
        """Let an event come, once more or late."""
        self.run(self.world.deliver(function, self.photos[photo].id), until, answer)

    @rule(photo=photos, method=st.sampled_from(["PUT", "DELETE", "POST"]))
    def request(self, photo: int, method: str) -> None:
        """Begin a completion, a deletion or another try."""
        target = self.photos[photo].id
        work = self.world.request(method, target, "/retry" if method == "POST" else "")
        if method == "DELETE" and upload_key(target) in self.world.bucket.objects:
            self.deleting[work] = len(self.photos[photo].versions)

    @rule()
    def sweep(self) -> None:
        """Begin a run of the sweep."""
        self.world.sweep()

    @rule(photo=photos, name=st.sampled_from(["caption", "alt_text"]), text=st.sampled_from(["Mine", "Mine, too", ""]))
    def edit(self, photo: int, name: str, text: str) -> None:
        """Write a person's words."""
        edit = self.world.request("PATCH", self.photos[photo].id, **{name: text})
        while not edit.done:
            edit.step()
        self.world.end(edit)
        if edit.result.status_code == 200:
            self.photos[photo].words[name] = text

    @precondition(lambda self: self.world.works)
    @rule(number=st.integers(0, 3), until=moments, answer=answers)
    def go_on(self, number: int, until: str, answer: str) -> None:
        """Continue one of the latest works."""
        self.run(self._choose(number), until, answer)

    @precondition(lambda self: self.world.works)
    @rule(number=st.integers(0, 3))
    def kill(self, number: int) -> None:
        """End one work where it stands."""
        self._kill(self._choose(number))

    @rule(seconds=st.sampled_from([1, 70, 60 * PATIENCE_MINUTES + 1, 60 * RESEND_MINUTES + 1]))
    def wait(self, seconds: int) -> None:
        """Let time pass: less than a claim lasts, or more; until a photo is overdue, or is so again."""
        self.world.clock.passed += seconds

    # What must hold

    @invariant()
    def promises_hold(self) -> None:
        """Look at everything after what happened."""
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
        self._check_claims()
        self.before = rows

    def _check_results(self, photo: Photo, row: Row) -> None:
        version = next(version for version in photo.versions if version.etag == row.etag)
        if row.thumbnail_status == "ready":
            assert row.width == version.width, "the thumbnail is another version's"
        if row.thumbnail_status == "failed":
            assert row.thumbnail_reason
        if row.annotation_status == "failed":
            assert row.annotation_reason
        for name, text in photo.words.items():
            assert getattr(row, name) == text, "a person's words were overwritten"
        if row.annotation_status == "ready" and not row.edited:
            assert row.caption is not None
            assert row.caption.startswith(f"Version {version.width},"), "the caption is another version's"
            answers = photo.captions.setdefault(version.width, set())
            answers.add(row.caption)
            assert len(answers) == 1, "two answers about one version were recorded"

    def _check_progress(self, before: Row | None, row: Row) -> None:
        if before is not None and before.etag == row.etag:
            for part in ("thumbnail_status", "annotation_status"):
                if getattr(before, part) == "ready":
                    assert getattr(row, part) == "ready", "what was ready is not any more"

    def _check_claims(self) -> None:
        now = self.world.clock.now
        asked = [
            work.asks_about
            for work in self.world.works
            if work.asks_about and now < work.asked_at + DELIVERY_SECONDS + CLAIM_MARGIN_SECONDS
        ]
        assert len(asked) == len(set(asked)), "two deliveries hold the claim of one version"

    def _kill(self, work: Work) -> None:
        self.world.end(work)
        self._expect_again(work)

    def _expect_again(self, work: Work) -> None:
        """Remember that Lambda delivers once more, or a person who got no answer presses the button again."""
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
        """Continue a work until a moment, whatever the model is asked meanwhile."""
        work.answer = answer
        self.step(work)
        while not work.done and until not in ("the next step", work.next):
            self.step(work)

    def step(self, work: Work) -> None:
        """Continue a work by one step."""
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

    # What comes to an end

    def teardown(self) -> None:
        """Kill what is at work; then, without faults, a few runs of the sweep bring everything to its end."""
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
        rows, stored = self.world.rows(), self.world.bucket.objects
        for photo in self.photos:
            row, original = rows.get(photo.id), stored.get(upload_key(photo.id))
            if photo.deleted:
                assert thumbnail_key(photo.id) not in stored, "a deleted photo left its thumbnail"
            elif original:  # without it, it was deleted before anybody knew of it
                assert row is not None, "a photo was lost"
                assert row.etag == original.etag, "the row describes an older version"
                assert (row.thumbnail_status, row.annotation_status) == ("ready", "ready")
                assert stored[thumbnail_key(photo.id)].width == original.width, "the stored thumbnail is another's"
