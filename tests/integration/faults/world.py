"""A running cloud whose parts can be made to fail, and the invariant that must hold afterwards."""

import io
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image

from catalog import images
from catalog.database import Credentials, DatabaseSettings, connect
from catalog.keys import UPLOADS, lowest_id, parse_upload_key, thumbnail_key, upload_key
from deploy.environment import INFRASTRUCTURE, load_environment
from deploy.redrive import Redriven, event_of, redrive
from integration.faults.aws_proxy import AwsProxy
from integration.faults.figures import Figures
from integration.faults.invariant import ready, settled, troubles
from integration.faults.paid_gemini import PaidGemini, described
from integration.faults.pictures import Photo, Picture, colour_of
from local_cloud.cloud import DATABASE_NAME, LocalCloud
from local_cloud.session import EmulatorSession
from servers import REPOSITORY
from servers.database import socket_path
from support import releases
from support.clouds import function_name
from support.emulated_account import Account
from support.function_logs import log_lines, log_texts
from support.gallery_client import GalleryClient
from support.waiting import wait_until

HOOKS = REPOSITORY / "tests" / "support" / "hooks"
DELIVERED = ("thumbnail", "annotate")
"""The functions that receive events about photos."""

TIMEOUT_SECONDS = 20
"""The functions' timeout, much shorter than on AWS, so that tests of timeouts are quick."""

EVENT_SECONDS = 0.2
"""An event takes less from the bucket to the queue."""

GEMINI_SECRET = "local/gemini-key"
KEY = "AQ.a-test-key-of-faults"
MAX_SWEEPS = 7
"""After so many sweeps a photo is given up: it is overdue, then resent five times, an hour apart."""


@dataclass
class World:
    """The cloud, its data folder, and what stands in for Gemini and fails in front of AWS."""

    cloud: LocalCloud
    data: Path
    gemini: PaidGemini
    proxy: AwsProxy
    figures: Figures = field(default_factory=lambda: Figures(""))
    letters: dict[str, set[str]] = field(default_factory=dict)
    """All dead letter ids ever seen, by photo id."""
    _cleared: float | None = None
    _began: float = 0.0

    @property
    def gallery(self) -> GalleryClient:
        """A client for the gallery."""
        return GalleryClient(self.cloud.gallery_url)

    @property
    def bucket(self) -> str:
        """The bucket of photos."""
        return self.cloud.outputs["images"]["BucketName"]

    def client(self, service: str) -> Any:
        """Return a client for the emulator that bypasses the proxy."""
        return Account(self.cloud.endpoint_url).client(service)

    def function(self, name: str) -> str:
        """Return the deployed name of a function."""
        return function_name(self.cloud.outputs, name)

    # -- before a test ------------------------------------------------------------------------------------------------

    def begin(self, fault: str) -> None:
        """Discard the state of an earlier test, and start measuring."""
        self.gemini.forget()
        self.figures = Figures(fault)
        self._cleared = None
        self._began = time.time()

    def prepare(self) -> None:
        """Release the functions so that they use the proxy, and the tests' Gemini server with a key from a secret.

        An emulator loses these releases when it restarts, so call this again then.
        """
        self.wait_idle()
        self.change_key(KEY)
        arn = self.client("secretsmanager").describe_secret(SecretId=GEMINI_SECRET)["ARN"]
        proxied = {"AWS_ENDPOINT_URL": self.proxy.url}
        self.release("thumbnail", proxied)
        self.release("annotate", {**proxied, "GEMINI_SECRET_ARN": arn, "GOOGLE_GEMINI_BASE_URL": self.gemini.url})
        self.release("sweep", {**proxied, "PYTHONPATH": str(HOOKS), "AHEAD_FILE": str(self._ahead)})
        self.settle(self.upload())  # the first process of each compiles its imports, which may be slow
        for name in DELIVERED:
            self.release(name, {}, Timeout=TIMEOUT_SECONDS)

    def release(self, name: str, variables: Mapping[str, str], **settings: Any) -> str:
        """Release a function with additional variables and settings, and return the previous version."""
        return releases.release(self.client("lambda"), self.function(name), variables, **settings)

    def change_key(self, key: str) -> None:
        """Store another Gemini key in the secret; Gemini accepts only that one."""
        secrets = self.client("secretsmanager")
        try:
            secrets.create_secret(Name=GEMINI_SECRET, SecretString=key)
        except secrets.exceptions.ResourceExistsException:
            secrets.put_secret_value(SecretId=GEMINI_SECRET, SecretString=key)
        self.gemini.keys = {key}

    # -- photos -------------------------------------------------------------------------------------------------------

    def upload(self, count: int = 1) -> list[Photo]:
        """Upload photos without their completion calls."""
        return [self.upload_picture(Picture()) for _ in range(count)]

    def upload_picture(self, picture: Picture) -> Photo:
        """Upload a picture, such as one with planned replies from Gemini."""
        return Photo(self.gallery.upload(picture.jpeg(), f"{picture.colour}.jpg"), picture)

    def upload_slow(self, count: int = 1, seconds: float = 2) -> list[Photo]:
        """Upload photos that Gemini takes some seconds to describe, and return once it was called for all of them."""
        pictures = [Picture() for _ in range(count)]
        for picture in pictures:
            self.gemini.answer(picture, described(picture, delay_seconds=seconds))
        uploaded = [self.upload_picture(picture) for picture in pictures]
        wait_until(lambda: all(map(self.gemini.asked, pictures)), "Gemini was not called")
        return uploaded

    def row(self, photo: Photo) -> images.Image | None:
        """Return a photo's row."""
        with self.database() as connection:
            return images.get(connection, photo.id)

    @contextmanager
    def database(self) -> Iterator[Any]:
        """Connect to the catalog as the master user."""
        host = str(socket_path(self.data.absolute() / "database"))
        settings = DatabaseSettings(database_host=host, database_name=DATABASE_NAME, database_secret_arn="")
        with closing(connect(settings, Credentials("root", ""), DATABASE_NAME)) as connection:
            yield connection

    # -- time ---------------------------------------------------------------------------------------------------------

    @property
    def _ahead(self) -> Path:
        return self.data / "ahead"

    def pass_hours(self, hours: float = 1.05) -> None:
        """Move the catalog and the sweep hours ahead, once no event is queued or in progress."""
        self.wait_idle()
        seconds = round(hours * 3600)
        columns = ("uploaded_at", "pending_since", "resent_at", "claimed_until")
        with self.database() as connection, connection.cursor() as cursor:
            cursor.execute(f"UPDATE image SET {', '.join(f'{c} = {c} - INTERVAL {seconds} SECOND' for c in columns)}")
            cursor.execute("UPDATE annotation_pause SET next_attempt = next_attempt - INTERVAL %s SECOND", (seconds,))
        self._ahead.write_text(str(float(self._ahead.read_text()) + seconds))

    def sweep(self) -> None:
        """Run the deployed sweep and its announcer as their schedules do, and wait for them."""
        for event in (b"{}", b'{"task": "announce"}'):
            done = self.client("lambda").invoke(FunctionName=f"{self.function('sweep')}:live", Payload=event)
            assert "FunctionError" not in done, done["Payload"].read()

    def idle(self) -> bool:
        """Return whether no event is queued or in progress."""
        folder = self.data / "emulator" / "events"
        if any(folder.glob("*.json")):
            return False
        time.sleep(EVENT_SECONDS)
        return not any(folder.glob("*.json"))

    def wait_idle(self) -> None:
        """Wait until no event is queued or in progress."""
        wait_until(self.idle, "events are still queued or in progress")

    # -- dead letters -------------------------------------------------------------------------------------------------

    def dead_letters(self) -> dict[str, list[str]]:
        """Return the photo ids in each function's dead-letter queue; the letters stay there."""
        sqs = self.client("sqs")
        found: dict[str, list[str]] = {}
        for name in DELIVERED:
            queue = self.cloud.outputs[name]["DeadLettersUrl"]
            letters: dict[str, dict[str, str]] = {}
            while True:
                received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=30)
                if not received.get("Messages"):
                    break
                letters |= {message["MessageId"]: message for message in received["Messages"]}
            for identifier, message in letters.items():
                sqs.change_message_visibility(
                    QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
                photo = _photo_of(message["Body"])
                found.setdefault(name, []).append(photo)
                self.letters.setdefault(photo, set()).add(identifier)
        return found

    def redrive(self) -> list[Redriven]:
        """Redrive all dead letters as `make redrive` does, and wait until they have been handled."""
        variables = re.findall(r"\$\{(\w+)\}", (INFRASTRUCTURE / "environments" / "local.yaml").read_text())
        environment = load_environment("local", dict.fromkeys(variables, "") | {"PLATFORM": "host"})
        done = redrive(EmulatorSession(self.cloud.endpoint_url), environment)
        self.wait_idle()
        return done

    # -- during a fault -----------------------------------------------------------------------------------------------

    def errors(self, name: str) -> list[str]:
        """Return the errors that a function logged since the test began."""
        lines = log_lines(self, self.cloud, name, self._began)
        return [str(line.get("errorMessage")) for line in lines if line["level"] == "ERROR"]

    def log(self, name: str) -> list[str]:
        """Return the log of a function since the test began."""
        return log_texts(self, self.cloud, name, self._began)

    def both_fail(self) -> None:
        """Wait until both functions have logged an error."""
        wait_until(lambda: all(map(self.errors, DELIVERED)), "the functions have not failed")

    # -- after a fault ------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """End every lasting fault; planned replies for single pictures remain."""
        self.gemini.outage = None
        self.proxy.clear()
        if self._cleared is None:
            self._cleared = time.monotonic()

    def settle(self, photos: Sequence[Photo]) -> None:
        """Wait until no photo is pending; what events leave undone, the sweep does, hour by hour."""
        self.clear()
        self.wait_idle()
        while not all(settled(self.row(photo)) for photo in photos):
            assert self.figures.sweeps < MAX_SWEEPS, [self.row(photo) for photo in photos]
            self.dead_letters()
            self.pass_hours()
            self.sweep()
            self.wait_idle()
            self.figures.sweeps += 1
        assert self._cleared is not None
        self.figures.seconds = time.monotonic() - self._cleared

    def verify(self, photos: Sequence[Photo]) -> None:
        """Clear all faults and check the invariant."""
        self.settle(photos)
        rows = [self.row(photo) for photo in photos]
        wrong = [trouble for row in rows if row is not None for trouble in troubles(row)]
        assert not wrong, wrong
        lost = self._uploads_without_row()
        assert not lost, f"uploads without a row: {lost}"
        self._verify_dead_letters(photos, rows)
        self._verify_retry(photos)
        for photo in photos:
            seen, paid = self._seen(photo), self.paid(photo)
            assert seen == (photo.picture.colour, f"A wall, painted {photo.picture.colour}."), (photo, seen)
            assert paid == 1, f"{photo}: paid {paid} times"
        self.measure(photos)

    def measure(self, photos: Sequence[Photo]) -> None:
        """Record in the figures what the photos needed."""
        self.figures.photos = len(photos)
        self.figures.deliveries = self._deliveries()
        self.figures.requests = sum(self.gemini.asked(photo.picture) for photo in photos)
        self.figures.dead_letters = sum(len(self.letters.get(photo.id, ())) for photo in photos)
        self.figures.lost = sum(
            answer.usable and not answer.delivered
            for answer in self.gemini.answers
            if answer.picture in {photo.picture for photo in photos}
        )

    def note_lost_answers(self, photos: Sequence[Photo]) -> None:
        """Mark answers as undelivered whose function was killed before it recorded them.

        This is the one known gap; see the decision about recording paid answers through a failover.
        """
        rows = [(photo, self.row(photo)) for photo in photos]
        unrecorded = {photo.picture for photo, row in rows if row is None or row.annotation_status != "ready"}
        for answer in self.gemini.answers:
            answer.delivered = answer.delivered and answer.picture not in unrecorded

    def paid(self, photo: Photo) -> int:
        """Return how many usable answers for a photo reached a function."""
        return sum(
            answer.usable and answer.delivered for answer in self.gemini.answers if answer.picture == photo.picture
        )

    def _deliveries(self) -> int:
        """Return how often both functions were invoked since the test began, according to their logs."""
        texts = [text for name in DELIVERED for text in self.log(name)]
        return sum(text.startswith("START RequestId") for text in texts)

    def _uploads_without_row(self) -> list[str]:
        """Return the ids uploaded since the test began that have no row; deleted photos keep theirs."""
        began = upload_key(lowest_id(datetime.fromtimestamp(self._began, UTC)))
        lister = self.client("s3").get_paginator("list_objects_v2")
        pages = lister.paginate(Bucket=self.bucket, Prefix=UPLOADS, StartAfter=began)
        stored = {parse_upload_key(found["Key"]) for page in pages for found in page.get("Contents", [])} - {None}
        with self.database() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id FROM image")
            return sorted(str(one) for one in stored - {known for (known,) in cursor.fetchall()})

    def _verify_dead_letters(self, photos: Sequence[Photo], rows: Sequence[images.Image | None]) -> None:
        """Check that redriving the dead letters of settled photos changes nothing."""
        letters = self.dead_letters()
        asked = [self.gemini.asked(photo.picture) for photo in photos]
        if letters:
            self.redrive()
            left = self.dead_letters()
            assert not left, f"failed again: {left}"
        after = [self.row(photo) for photo in photos]
        assert after == rows, f"redriving changed {rows} to {after}"
        assert [self.gemini.asked(photo.picture) for photo in photos] == asked, "redriving called Gemini again"

    def _verify_retry(self, photos: Sequence[Photo]) -> None:
        """Check that Retry repairs failed photos."""
        failed = [photo for photo in photos if not ready(self.row(photo))]
        for photo in failed:
            assert self.gallery.retry(photo.id) == 202
        self.wait_idle()
        broken = [row for photo in failed if not ready(row := self.row(photo))]
        assert not broken, f"Retry did not repair {broken}"

    def _seen(self, photo: Photo) -> tuple[str, str | None]:
        """Return the thumbnail's colour and the caption."""
        stored = self.client("s3").get_object(Bucket=self.bucket, Key=thumbnail_key(photo.id))
        row = self.row(photo)
        assert row is not None
        return colour_of(Image.open(io.BytesIO(stored["Body"].read()))), row.caption


def _photo_of(letter: str) -> str:
    """Return the photo id in a dead letter."""
    event = event_of(letter)
    assert event is not None, letter
    notification = json.loads(event["Records"][0]["Sns"]["Message"])
    return str(parse_upload_key(notification["Records"][0]["s3"]["object"]["key"]))
