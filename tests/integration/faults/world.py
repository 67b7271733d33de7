"""A running cloud whose parts can be made to fail, and what a test does with it."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from integration.faults.paid_gemini import PaidGemini
from integration.faults.pictures import Photo, Picture, colour_of
from local_cloud import REPOSITORY
from local_cloud.cloud import DATABASE_NAME, LocalCloud
from local_cloud.database import socket_path
from local_cloud.emulator import aws_environ
from support import releases
from support.emulated_account import Account
from support.function_logs import log_lines, log_texts
from support.gallery_client import GalleryClient

CLOCK = REPOSITORY / "tests" / "integration" / "faults" / "clock"
FUNCTIONS = {
    "thumbnail": ("thumbnail", "FunctionName"),
    "annotate": ("annotate", "FunctionName"),
    "sweep": ("catalog", "SweepFunctionName"),
}
"""The Lambda functions, each with the stack and the output that name it."""

DELIVERED = ("thumbnail", "annotate")
"""The functions that get events about photos."""

TIMEOUT_SECONDS = 20
"""How long functions may work on an event: much shorter than in AWS, so that what takes too long does so soon."""

GEMINI_SECRET = "local/gemini-key"
KEY = "a-key-of-nobody"
WAIT_SECONDS = 300.0
MAX_SWEEPS = 7
"""So often the sweep runs until a photo is given up: sent again five times, an hour apart, after it was overdue."""


@dataclass
class World:
    """The cloud and its parts."""

    cloud: LocalCloud
    data: Path
    gemini: PaidGemini
    proxy: AwsProxy
    figures: Figures = field(default_factory=lambda: Figures(""))
    letters: dict[str, set[str]] = field(default_factory=dict)
    """The ids of the dead letters of each photo that were ever seen."""
    _cleared: float | None = None
    _began: float = 0.0

    @property
    def gallery(self) -> GalleryClient:
        """The gallery, as a browser uses it."""
        return GalleryClient(self.cloud.gallery_url)

    @property
    def bucket(self) -> str:
        """The bucket of photos."""
        return self.cloud.outputs["images"]["BucketName"]

    def client(self, service: str) -> Any:
        """Return a client of the emulator itself, past the proxy."""
        return Account(self.cloud.endpoint_url).client(service)

    def function(self, name: str) -> str:
        """Return the full name of a function."""
        stack, output = FUNCTIONS[name]
        return self.cloud.outputs[stack][output]

    # -- before a test ------------------------------------------------------------------------------------------------

    def begin(self, fault: str) -> None:
        """Forget what an earlier test left, and measure anew."""
        self.gemini.forget()
        self.figures = Figures(fault)
        self._cleared = None
        self._began = time.time()

    def prepare(self) -> None:
        """Release the functions so that they work through the proxy, and ask our Gemini with the key of a secret.

        A new emulator has forgotten that: do it again after one was started.
        """
        self.wait_until(self.idle, "functions warm up")
        self.change_key(KEY)
        arn = self.client("secretsmanager").describe_secret(SecretId=GEMINI_SECRET)["ARN"]
        proxied = {"AWS_ENDPOINT_URL": self.proxy.url}
        self.release("thumbnail", proxied)
        self.release("annotate", {**proxied, "GEMINI_SECRET_ARN": arn, "GOOGLE_GEMINI_BASE_URL": self.gemini.url})
        self.release("sweep", {**proxied, "PYTHONPATH": str(CLOCK), "AHEAD_FILE": str(self._ahead)})
        self.settle(self.upload())  # the first process of each compiles what it imports, which may take its time
        for name in DELIVERED:
            self.release(name, {}, Timeout=TIMEOUT_SECONDS)

    def release(self, name: str, variables: Mapping[str, str], **settings: Any) -> str:
        """Publish a version of a function with these settings too, send events there, and return the version before."""
        return releases.release(self.client("lambda"), self.function(name), variables, **settings)

    def change_key(self, key: str) -> None:
        """Put another Gemini key into the secret, and let Gemini accept only that one."""
        secrets = self.client("secretsmanager")
        try:
            secrets.create_secret(Name=GEMINI_SECRET, SecretString=key)
        except secrets.exceptions.ResourceExistsException:
            secrets.put_secret_value(SecretId=GEMINI_SECRET, SecretString=key)
        self.gemini.keys = {key}

    # -- photos -------------------------------------------------------------------------------------------------------

    def upload(self, count: int = 1) -> list[Photo]:
        """Upload photos; the tabs are closed before the completion calls."""
        return [self.upload_picture(Picture()) for _ in range(count)]

    def upload_picture(self, picture: Picture) -> Photo:
        """Upload a picture for which a reply of Gemini was lined up."""
        return Photo(self.gallery.upload(picture.jpeg(), f"{picture.colour}.jpg"), picture)

    def row(self, photo: Photo) -> images.Image | None:
        """Return a photo's row."""
        with self.database() as connection:
            return images.get(connection, photo.id)

    @contextmanager
    def database(self) -> Iterator[Any]:
        """Connect to the catalogue as the master user."""
        host = str(socket_path(self.data.absolute() / "database"))
        settings = DatabaseSettings(database_host=host, database_name=DATABASE_NAME, database_secret_arn="")
        with closing(connect(settings, Credentials("root", ""), DATABASE_NAME)) as connection:
            yield connection

    # -- time ---------------------------------------------------------------------------------------------------------

    @property
    def _ahead(self) -> Path:
        return self.data / "ahead"

    def pass_hours(self, hours: float = 1.05) -> None:
        """Let hours pass for the catalogue and the sweep, once no event waits or is at work."""
        self.wait_until(self.idle, "events wait")
        seconds = round(hours * 3600)
        columns = ("uploaded_at", "pending_since", "resent_at", "claimed_until")
        with self.database() as connection, connection.cursor() as cursor:
            cursor.execute(f"UPDATE image SET {', '.join(f'{c} = {c} - INTERVAL {seconds} SECOND' for c in columns)}")
        self._ahead.write_text(str(float(self._ahead.read_text()) + seconds))

    def sweep(self) -> None:
        """Run the deployed sweep, as its schedule does, and wait for it."""
        done = self.client("lambda").invoke(FunctionName=f"{self.function('sweep')}:live", Payload=b"{}")
        assert "FunctionError" not in done, done["Payload"].read()

    def idle(self) -> bool:
        """Tell whether no event waits for a function or is at work."""
        folder = self.data / "emulator" / "events"
        for _ in range(2):  # an event takes a moment from the bucket to the queue
            if any(folder.glob("*.json")):
                return False
            time.sleep(0.2)
        return True

    def wait_until(self, condition: Callable[[], bool], complaint: str) -> None:
        """Wait for something that happens soon."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"after {WAIT_SECONDS:.0f} seconds still: {complaint}"
            time.sleep(0.05)

    # -- dead letters -------------------------------------------------------------------------------------------------

    def dead_letters(self) -> dict[str, list[str]]:
        """Return the ids of the photos in each function's queue of dead letters, which stay there."""
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
        """Redrive all dead letters as `make redrive` does, and wait for what comes of that."""
        variables = re.findall(r"\$\{(\w+)\}", (INFRASTRUCTURE / "environments" / "local.yaml").read_text())
        with aws_environ(self.cloud.endpoint_url):
            done = redrive(load_environment("local", dict.fromkeys(variables, "") | {"PLATFORM": "host"}))
        self.wait_until(self.idle, "events that were redriven wait")
        return done

    # -- during a fault -----------------------------------------------------------------------------------------------

    def errors(self, name: str) -> list[str]:
        """Return the errors that a function has logged since the test began."""
        lines = log_lines(self, self.cloud, name, self._began)
        return [str(line.get("errorMessage")) for line in lines if line["level"] == "ERROR"]

    def log(self, name: str) -> list[str]:
        """Return what is in the log of a function since the test began."""
        return log_texts(self, self.cloud, name, self._began)

    def both_fail(self) -> None:
        """Wait until both functions have failed with an event because of the fault."""
        self.wait_until(lambda: all(map(self.errors, DELIVERED)), "the functions do not notice the fault")

    # -- after a fault ------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """End every fault that lasts; replies that were lined up for a picture are still given."""
        self.gemini.outage = None
        self.proxy.clear()
        if self._cleared is None:
            self._cleared = time.monotonic()

    def settle(self, photos: Sequence[Photo]) -> None:
        """Wait until nothing of the photos is pending; what events do not finish, the sweep does, hour by hour."""
        self.clear()
        self.wait_until(self.idle, "events wait")
        while not all(settled(self.row(photo)) for photo in photos):
            assert self.figures.sweeps < MAX_SWEEPS, [self.row(photo) for photo in photos]
            self.dead_letters()
            self.pass_hours()
            self.sweep()
            self.wait_until(self.idle, "events wait")
            self.figures.sweeps += 1
        assert self._cleared is not None
        self.figures.seconds = time.monotonic() - self._cleared

    def verify(self, photos: Sequence[Photo]) -> None:
        """Clear all faults, and prove the invariant: see each assertion."""
        self.settle(photos)
        rows = [self.row(photo) for photo in photos]
        wrong = [trouble for row in rows if row is not None for trouble in troubles(row)]
        assert not wrong, wrong
        lost = self._uploads_without_row()
        assert not lost, f"without a row: {lost}"
        self._verify_dead_letters(photos, rows)
        self._verify_retry(photos)
        for photo in photos:
            seen, paid = self._seen(photo), self.paid(photo)
            assert seen == (photo.picture.colour, f"A wall, painted {photo.picture.colour}."), (photo, seen)
            assert paid == 1, f"{photo}: paid {paid} times"
        self.measure(photos)

    def measure(self, photos: Sequence[Photo]) -> None:
        """Put into the figures what the photos needed."""
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
        """Count answers that came to functions that have just ended, and are not recorded, as those that nobody got.

        It is the one gap that is known; see the decision that what is paid for is recorded through a failover.
        """
        rows = [(photo, self.row(photo)) for photo in photos]
        unrecorded = {photo.picture for photo, row in rows if row is None or row.annotation_status != "ready"}
        for answer in self.gemini.answers:
            answer.delivered = answer.delivered and answer.picture not in unrecorded

    def paid(self, photo: Photo) -> int:
        """Return how many usable answers about a photo reached a function."""
        return sum(
            answer.usable and answer.delivered for answer in self.gemini.answers if answer.picture == photo.picture
        )

    def _deliveries(self) -> int:
        """Return how often both functions were started since the test began, as their logs tell."""
        texts = [text for name in DELIVERED for text in self.log(name)]
        return sum(text.startswith("START RequestId") for text in texts)

    def _uploads_without_row(self) -> list[str]:
        """Return what was uploaded since the test began and the catalogue does not know; it knows deleted photos."""
        began = upload_key(lowest_id(datetime.fromtimestamp(self._began, UTC)))
        lister = self.client("s3").get_paginator("list_objects_v2")
        pages = lister.paginate(Bucket=self.bucket, Prefix=UPLOADS, StartAfter=began)
        stored = {parse_upload_key(found["Key"]) for page in pages for found in page.get("Contents", [])} - {None}
        with self.database() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id FROM image")
            return sorted(str(one) for one in stored - {known for (known,) in cursor.fetchall()})

    def _verify_dead_letters(self, photos: Sequence[Photo], rows: Sequence[images.Image | None]) -> None:
        """Prove that every dead letter belongs to a photo, and that redriving those of settled ones changes nothing."""
        letters = self.dead_letters()
        asked = [self.gemini.asked(photo.picture) for photo in photos]
        if letters:
            self.redrive()
            left = self.dead_letters()
            assert not left, f"dead again: {left}"
        after = [self.row(photo) for photo in photos]
        assert after == rows, f"redriving changed {rows} to {after}"
        assert [self.gemini.asked(photo.picture) for photo in photos] == asked, "redriving asked Gemini again"

    def _verify_retry(self, photos: Sequence[Photo]) -> None:
        """Prove that Retry repairs what failed."""
        failed = [photo for photo in photos if not ready(self.row(photo))]
        for photo in failed:
            assert self.gallery.retry(photo.id).status_code == 202
        self.wait_until(self.idle, "events of Retry wait")
        in_vain = [row for photo in failed if not ready(row := self.row(photo))]
        assert not in_vain, f"Retry did not repair {in_vain}"

    def _seen(self, photo: Photo) -> tuple[str, str | None]:
        """Return the colour of the thumbnail and the caption."""
        stored = self.client("s3").get_object(Bucket=self.bucket, Key=thumbnail_key(photo.id))
        row = self.row(photo)
        assert row is not None
        return colour_of(Image.open(io.BytesIO(stored["Body"].read()))), row.caption


def _photo_of(letter: str) -> str:
    """Return the id of the photo that a dead letter announces."""
    event = event_of(letter)
    assert event is not None, letter
    notification = json.loads(event["Records"][0]["Sns"]["Message"])
    return str(parse_upload_key(notification["Records"][0]["s3"]["object"]["key"]))
