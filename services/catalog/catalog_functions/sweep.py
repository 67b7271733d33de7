"""Lambda function for everything that keeps photos from staying unfinished.

    any other event         every 15 minutes: see `catalog_functions.sweeper`
    {"task": "announce"}    every minute: see `catalog_functions.announcer` and `catalog_functions.indexer`
    {"task": "resume"}      by an operator who solved the problem that pauses annotation: the announcer tries at once
    {"task": "annotate", "where": "model:offline", "apply": false, "overwrite": false}    by an operator
    {"task": "retry", "where": "reason:quota", "apply": false}                            by an operator

The last two select photos, see `catalog.selection`, and count them; with `apply` they put them into the queue.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import boto3

from catalog import pause, queue
from catalog.bucket import FUNCTION_CONFIG, Bucket
from catalog.database import Database, DatabaseSettings
from catalog.images import Reannotation
from catalog.selection import SelectionError, parse
from catalog_functions.announcer import Announcer
from catalog_functions.indexer import Indexer
from catalog_functions.sweeper import Sweeper
from catalog_functions.topic import Topic

logging.getLogger().setLevel(logging.INFO)


@dataclass(frozen=True, kw_only=True)
class TaskSettings(DatabaseSettings):
    """The bucket, and the topic that announces uploads. The database user is the application's."""

    bucket_name: str
    topic_arn: str
    annotate_offline_photos: bool = False


class Tasks:
    """All tasks, on one bucket and its catalog."""

    def __init__(self, settings: TaskSettings) -> None:
        """Create the tasks of this process."""
        topic = Topic(boto3.client("sns", config=FUNCTION_CONFIG), settings.topic_arn, settings.bucket_name)
        self._database = Database(settings)
        self._sweeper = Sweeper(Bucket(settings.bucket_name), topic, self._database)
        self._announcer = Announcer(topic, self._database, annotate_offline_photos=settings.annotate_offline_photos)
        self._indexer = Indexer(self._database)

    def close(self) -> None:
        """Close the connections to the database."""
        self._database.close()

    def run(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Run the task of an event and return its outcome: numbers by name, or an `error` for the operator.

        Raises:
            ExceptionGroup: some uploads could not be registered by the sweep; everything else was done.
            catalog.database.DatabaseUnavailableError: the next run continues.
            botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: AWS failed; the next run continues.
        """
        match event:
            case {"task": "announce"}:
                announced = self._announcer.run()
                return asdict(announced) | asdict(self._indexer.run())
            case {"task": "resume"}:
                with self._database.connection() as connection:
                    pause.try_now(connection)
                return asdict(self._announcer.run())
            case {"task": "annotate" | "retry" as task}:
                return self._enqueue(task, str(event.get("where", "")), event)
            case {"task": _}:
                return {"error": "unknown task; available: announce, resume, annotate, retry, or none for a sweep"}
        return asdict(self._sweeper.run())

    def _enqueue(self, task: str, where: str, event: Mapping[str, Any]) -> dict[str, Any]:
        try:
            selection = parse(where)
        except SelectionError as error:
            return {"error": str(error)}
        apply = bool(event.get("apply"))
        reannotation: Reannotation = "overwrite" if event.get("overwrite") else "keep"
        with self._database.connection() as connection:
            if task == "retry":
                return {"images": queue.request_retries(connection, selection, apply=apply)}
            found = queue.request_annotations(connection, selection, reannotation, apply=apply)
        return {"images": found.images, "usd": str(found.usd)}


@cache
def tasks() -> Tasks:
    """Return the tasks of this process; the first call reads their settings from the environment.

    Raises:
        ConfigurationError: a variable is missing.
    """
    return Tasks(TaskSettings.from_environ(os.environ))


def handle(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Run one task; see `Tasks.run`."""
    return tasks().run(event)
