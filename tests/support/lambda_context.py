"""Calls handlers as Lambda does: with an event, a context, and in a process that can be restarted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.events import StoredObject, announcement
from catalog.keys import upload_key

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper


@dataclass
class LambdaContext:
    """The part of Lambda's context that handlers use."""

    seconds: float = 240

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda stops the function."""
        return round(self.seconds * 1000)


def event_of(bucket: str, *image_ids: str) -> dict[str, Any]:
    """Return one event that announces several uploads."""
    events = [announcement(StoredObject(bucket, upload_key(image_id))) for image_id in image_ids]
    return {"Records": [record for event in events for record in event["Records"]]}


@contextmanager
def fresh_process(*processors: _lru_cache_wrapper[Any]) -> Iterator[None]:
    """Make handlers start as in a new process: `processors` are the cached functions that configure them."""
    for processor in processors:
        processor.cache_clear()
    yield
    for processor in processors:
        if processor.cache_info().currsize:
            processor().close()
        processor.cache_clear()
