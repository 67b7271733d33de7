"""The real handlers, run one step at a time: a step ends before each statement and each call to the outside.

A stepped piece of work is a thread of which one at most runs, so that an order of steps gives the same result every
time. Work that is never continued is a process that was killed.
"""

from __future__ import annotations

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

OUTSIDE = "a question to the model or a change of the bucket"

_own = threading.local()


class KilledError(BaseException):
    """Ends a thread whose process was killed; no handler of exceptions sees it."""


class Work:
    """Something that runs until its next step when it is told to."""

    def __init__(self, name: str, run: Callable[[], object]) -> None:
        """Prepare the work; nothing of it has run yet."""
        self.name = name
        self.answer = "a description"
        """What the model says when this work asks it."""
        self.next = ""
        """What the next step is: OUTSIDE when it asks the model or changes the bucket."""
        self.asks_about: int | None = None
        """The version that the model was asked about, from the claim to the end."""
        self.asked_at = 0
        self.connection: Any = None
        """The one that it used last."""
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
        """Name it, for the steps that hypothesis prints."""
        return self.name

    def step(self) -> None:
        """Run until the next step begins, or to the end."""
        self._turn.release()
        self._rest.acquire()

    def finish(self) -> None:
        """Run to the end."""
        while not self.done:
            self.step()

    def kill(self) -> None:
        """End it where it stands."""
        self._killed = True
        self.finish()
        self._thread.join()

    def _main(self) -> None:
        _own.work = self
        with suppress(KilledError):
            try:
                self._wait()
                self.result = self._run()
            except Exception as error:  # noqa: BLE001 - kept, and judged by the test
                self.failure = error
        self.asks_about = None
        self.done = True
        self._rest.release()

    def pause(self, what: str) -> None:
        """End a step, from within the work; the next is `what`. Others would wait for a transaction to end."""
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
    """Return the work in whose thread this runs."""
    return getattr(_own, "work", None)


def pause(what: str = "") -> None:
    """Let others go first, when stepped work is running."""
    if work := current_work():
        work.pause(what)


@dataclass
class Clock:
    """What time it is for everybody: the real time of the beginning, and what passed by command."""

    began: int = field(default_factory=lambda: int(time.time()))
    passed: int = 0

    @property
    def now(self) -> int:
        """The time in seconds since 1970."""
        return self.began + self.passed


class SteppedDatabase(Database):
    """Real statements on a real server, each a step, at the time of a clock."""

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
    """A file that was uploaded: its width in pixels tells it from the others."""

    width: int
    body: bytes
    etag: str
    modified: int
    metadata: Mapping[str, str]


class Bucket:
    """An S3 client and its bucket, in memory: each call is a step, and times come from the clock."""

    exceptions = SimpleNamespace(NoSuchKey=type("NoSuchKey", (Exception,), {}))

    def __init__(self, clock: Clock) -> None:
        """Begin empty."""
        self.clock = clock
        self.objects: dict[str, Version] = {}

    def upload(self, key: str, body: bytes, metadata: Mapping[str, str] = MappingProxyType({})) -> Version:
        """Store a picture, without a step."""
        with Image.open(io.BytesIO(body)) as picture:
            width = picture.width
        self.objects[key] = Version(width, body, hashlib.md5(body).hexdigest(), self.clock.now, metadata)
        return self.objects[key]

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Answer an object as it is now."""
        pause()
        if Key not in self.objects:
            raise self.exceptions.NoSuchKey
        return self._describe(Key) | {"Body": io.BytesIO(self.objects[Key].body)}

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        """Describe an object as it is now."""
        pause()
        if Key not in self.objects:
            raise ClientError(
                {"Error": {"Code": "404"}, "ResponseMetadata": {"HTTPStatusCode": 404}},  # type: ignore[typeddict-item]
                "HeadObject",
            )
        return self._describe(Key)

    def put_object(self, Key: str, Body: bytes, Metadata: Mapping[str, str], **_: str) -> None:  # noqa: N803
        """Store an object."""
        pause(OUTSIDE)
        self.upload(Key, Body, Metadata)

    def delete_object(self, Bucket: str, Key: str) -> None:  # noqa: N803
        """Delete an object, if there is one."""
        pause(OUTSIDE)
        self.objects.pop(Key, None)

    def get_paginator(self, _operation: str) -> SimpleNamespace:
        """Return what lists the bucket, for readers who look at the real time."""
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
        """Return some address: nobody follows it."""
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
    """An annotator whose captions tell which version it was asked about, and how often it was asked before."""

    def __init__(self, clock: Clock) -> None:
        """Begin with the first question."""
        self._clock = clock
        self._asked = 0

    def annotate(self, image: Image.Image) -> Annotation:
        """Describe a picture in one step, or fail as the asking work is told."""
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
