"""Runs the real handlers one step at a time. A step ends before each SQL statement and each external call.

Each piece of work is a thread, and only one thread runs at a time, so an order of steps always gives the same result.
Work that never resumes stands for a killed process.
"""

import hashlib
import io
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType, SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from PIL import Image
from pymysql.constants import SERVER_STATUS
from pymysql.cursors import Cursor

from annotate.errors import AnnotationRefusedError, ModelUnavailableError
from catalog.database import Database
from catalog.images import Annotation

OUTSIDE = "a call to the model or a change of the bucket"

_own = threading.local()


class KilledError(BaseException):
    """Ends the thread of a killed process; no exception handler catches it."""


class Work:
    """A piece of work that runs one step at a time."""

    def __init__(self, name: str, run: Callable[[], object]) -> None:
        """Start the thread; it waits for the first step."""
        self.name = name
        self.answer = "a description"
        """What the model answers to this work."""
        self.next = ""
        """The next step: OUTSIDE before a call to the model or a change of the bucket."""
        self.asks_about: int | None = None
        """The version that the model was asked about, until the work ends."""
        self.asked_at = 0
        self.connection: Any = None
        """The connection that the work used last."""
        self.result: Any = None
        self.failure: Exception | None = None
        self.done = False
        self._run = run
        self._killed = False
        self._turn = threading.Semaphore(0)
        self._rest = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        """Return the name, for the steps that Hypothesis prints."""
        return self.name

    def step(self) -> None:
        """Run until the next step starts or the work ends."""
        self._turn.release()
        self._rest.acquire()

    def finish(self) -> None:
        """Run to the end."""
        while not self.done:
            self.step()

    def kill(self) -> None:
        """End the work at its current step."""
        self._killed = True
        self.finish()
        self._thread.join()

    def _main(self) -> None:
        _own.work = self
        with suppress(KilledError):
            try:
                self._wait()
                self.result = self._run()
            except Exception as error:  # noqa: BLE001 - the test checks it
                self.failure = error
        self.asks_about = None
        self.done = True
        self._rest.release()

    def pause(self, what: str) -> None:
        """End the current step, unless a transaction is open, which would block other work; `what` is the next step."""
        if self.connection is not None and self.connection.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS:
            return
        self.next = what
        self._rest.release()
        self._wait()

    def _wait(self) -> None:
        self._turn.acquire()
        if self._killed:
            raise KilledError


def current_work() -> Work | None:
    """Return the work of the current thread."""
    return getattr(_own, "work", None)


def pause(what: str = "") -> None:
    """End the current step of the current thread's work, if any."""
    if work := current_work():
        work.pause(what)


@dataclass
class Clock:
    """The time for all services: the real start time, plus the time that a test lets pass."""

    began: int = field(default_factory=lambda: int(time.time()))
    passed: int = 0

    @property
    def now(self) -> int:
        """The time in seconds since 1970."""
        return self.began + self.passed


class SteppedDatabase(Database):
    """Real statements on a real server; each is a step and uses the time of the clock."""

    clock = Clock()

    def _connect(self) -> Any:
        connection = super()._connect()
        connection.cursorclass = _stepped_cursor(self)
        return connection


def _stepped_cursor(database: SteppedDatabase) -> type[Cursor]:
    class SteppedCursor(Cursor):
        def execute(self, query: str, args: Any = None) -> int:
            if work := current_work():
                work.connection = self.connection
                work.pause("a statement")
            super().execute("SET timestamp = %s", (database.clock.now,))
            return super().execute(query, args)

    return SteppedCursor


@dataclass(frozen=True)
class Version:
    """An uploaded file; its width in pixels identifies it."""

    width: int
    body: bytes
    etag: str
    modified: int
    metadata: Mapping[str, str]


class S3:
    """An S3 client with one bucket in memory; each call is a step, and times come from the clock."""

    def __init__(self, clock: Clock) -> None:
        """Create an empty bucket."""
        self.clock = clock
        self.objects: dict[str, Version] = {}

    def upload(self, key: str, body: bytes, metadata: Mapping[str, str] = MappingProxyType({})) -> Version:
        """Store a picture, without ending a step."""
        with Image.open(io.BytesIO(body)) as picture:
            width = picture.width
        self.objects[key] = Version(width, body, hashlib.md5(body).hexdigest(), self.clock.now, metadata)
        return self.objects[key]

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Return the object."""
        description = self.head_object(Bucket, Key)
        return description | {"Body": io.BytesIO(self.objects[Key].body)}

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        """Describe the object."""
        pause()
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "404"}}, "HeadObject")
        return self._describe(Key)

    def put_object(self, Key: str, Body: bytes, Metadata: Mapping[str, str], **_: str) -> None:  # noqa: N803
        """Store an object, as one step."""
        pause(OUTSIDE)
        self.upload(Key, Body, Metadata)

    def delete_object(self, Bucket: str, Key: str) -> None:  # noqa: N803
        """Delete an object, as one step."""
        pause(OUTSIDE)
        self.objects.pop(Key, None)

    def get_paginator(self, _operation: str) -> SimpleNamespace:
        """Return a paginator that lists the bucket, with times as seen from the real time."""
        return SimpleNamespace(paginate=self._list)

    def _list(self, Prefix: str, **_: str) -> list[dict[str, Any]]:  # noqa: N803
        pause()
        passed = timedelta(seconds=self.clock.passed)
        keys = sorted(key for key in self.objects if key.startswith(Prefix))
        return [
            {
                "Contents": [
                    self._describe(key) | {"Key": key, "LastModified": self._describe(key)["LastModified"] - passed}
                    for key in keys
                ]
            }
        ]

    def generate_presigned_url(self, *_: object, **__: object) -> str:
        """Return an address that is never used."""
        return "https://bucket.example/"

    def _describe(self, key: str) -> dict[str, Any]:
        found = self.objects[key]
        return {
            "ContentLength": len(found.body),
            "ContentType": "image/png",
            "ETag": f'"{found.etag}"',
            "LastModified": datetime.fromtimestamp(found.modified, UTC),
            "Metadata": found.metadata,
        }


class Model:
    """An annotator whose captions contain the version of the photo and the number of the answer."""

    def __init__(self, clock: Clock) -> None:
        """Start with the first answer."""
        self._clock = clock
        self._asked = 0

    def annotate(self, image: Image.Image, *_: object) -> Annotation:
        """Annotate a picture in one step, or fail as `Work.answer` says."""
        work = current_work()
        assert work is not None
        work.asks_about, work.asked_at = image.width, self._clock.now
        pause(OUTSIDE)
        if work.answer == "a refusal":
            raise AnnotationRefusedError("Gemini declined to describe this photo.")
        if work.answer == "an outage":
            raise ModelUnavailableError("Gemini answered 503")
        self._asked += 1
        caption = f"Version {image.width}, answer {self._asked}"
        return Annotation(caption, caption, ("seen",), "en", "model")
