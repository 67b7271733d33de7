"""Repeated errors fail a photo; outages do not."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from catalog import images
from catalog.database import Database, DatabaseUnavailableError
from catalog.deadline import OutOfTimeError
from catalog.images import MAX_ERRORS, Part
from catalog.repeated_errors import REASON, failing_repeated_errors
from catalog.settings import ConfigurationError
from catalog.uploads import Upload
from support.catalog_rows import ANNOTATION, THUMBNAIL, leased, row

PARTS: list[Part] = ["thumbnail", "annotation"]


def status(connection: Any, upload: Upload, part: Part) -> tuple[str, str | None]:
    image = row(connection, upload.id)
    return getattr(image, f"{part}_status"), getattr(image, f"{part}_reason")


def stop(database: Database, upload: Upload, part: Part, error: Exception) -> bool:
    """Process a photo with an error; tell whether the error was raised, so that the event is delivered again."""
    try:
        with failing_repeated_errors(database, upload, part):
            raise error
    except type(error):
        return True
    return False


@pytest.mark.parametrize("part", PARTS)
def test_a_photo_fails_when_the_same_error_occurs_the_third_time(
    database: Database, connection: Any, upload: Upload, part: Part
) -> None:
    for time in range(1, MAX_ERRORS):
        assert stop(database, upload, part, ValueError(f"message {time}"))
        assert status(connection, upload, part) == ("pending", None)
    assert not stop(database, upload, part, ValueError("and another message"))
    assert status(connection, upload, part) == ("failed", REASON)


def test_a_repeated_error_is_logged_for_the_alarm(
    database: Database, upload: Upload, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(MAX_ERRORS):
        stop(database, upload, "thumbnail", ValueError("matmul"))
    (record,) = [record for record in caplog.records if hasattr(record, "repeated_errors")]
    assert (record.levelno, vars(record)["image_id"]) == (logging.ERROR, upload.id)
    assert "ValueError" in record.getMessage()
    assert record.exc_info


def test_a_different_error_restarts_the_count(database: Database, connection: Any, upload: Upload) -> None:
    for error in (ValueError(), ValueError(), KeyError(), ValueError(), ValueError()):
        assert stop(database, upload, "annotation", error)
    assert status(connection, upload, "annotation")[0] == "pending"
    assert not stop(database, upload, "annotation", ValueError())


def test_an_error_of_the_same_class_from_another_line_is_different(database: Database, upload: Upload) -> None:
    def here() -> None:
        raise ValueError

    for _ in range(MAX_ERRORS - 1):
        assert stop(database, upload, "annotation", ValueError())
    with pytest.raises(ValueError), failing_repeated_errors(database, upload, "annotation"):  # noqa: PT011
        here()


def test_errors_are_counted_per_function(database: Database, connection: Any, upload: Upload) -> None:
    for _ in range(MAX_ERRORS - 1):
        stop(database, upload, "thumbnail", ValueError())
    assert stop(database, upload, "annotation", ValueError())
    assert status(connection, upload, "annotation")[0] == "pending"


@pytest.mark.parametrize(
    "outage",
    [
        EndpointConnectionError(endpoint_url="http://s3"),
        ClientError({"Error": {"Code": "SlowDown"}}, "GetObject"),
        ConfigurationError("a blank secret"),
        DatabaseUnavailableError("away"),
        OutOfTimeError("too slow"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_outage_never_fails_a_photo(database: Database, connection: Any, upload: Upload, outage: Exception) -> None:
    for _ in range(MAX_ERRORS + 1):
        assert stop(database, upload, "thumbnail", outage)
    assert status(connection, upload, "thumbnail")[0] == "pending"


def test_a_function_can_add_outages(database: Database, connection: Any, upload: Upload) -> None:
    for _ in range(MAX_ERRORS + 1):
        with pytest.raises(LookupError), failing_repeated_errors(database, upload, "annotation", (LookupError,)):
            raise KeyError
    assert status(connection, upload, "annotation")[0] == "pending"


@pytest.mark.parametrize("part", PARTS)
def test_a_retry_gives_one_more_attempt(database: Database, connection: Any, upload: Upload, part: Part) -> None:
    for _ in range(MAX_ERRORS):
        stop(database, upload, part, ValueError())
    images.retry(connection, upload.id)
    assert status(connection, upload, part) == ("pending", None)
    assert not stop(database, upload, part, ValueError())
    assert status(connection, upload, part) == ("failed", REASON)


def test_a_retry_before_the_third_error_keeps_the_count(database: Database, connection: Any, upload: Upload) -> None:
    stop(database, upload, "thumbnail", ValueError())
    images.retry(connection, upload.id)
    assert stop(database, upload, "thumbnail", ValueError())
    assert not stop(database, upload, "thumbnail", ValueError())


def test_the_count_restarts_for_a_replaced_file(database: Database, connection: Any, upload: Upload) -> None:
    for _ in range(MAX_ERRORS):
        stop(database, upload, "thumbnail", ValueError())
    newer = replace(upload, etag="second", uploaded_at=upload.uploaded_at + timedelta(seconds=1))
    images.register(connection, newer)
    for _ in range(MAX_ERRORS - 1):
        assert stop(database, newer, "thumbnail", ValueError())
    assert not stop(database, newer, "thumbnail", ValueError())


def test_an_error_of_an_older_file_does_not_count(database: Database, connection: Any, upload: Upload) -> None:
    older = replace(upload, etag="older")
    for _ in range(MAX_ERRORS + 1):
        assert stop(database, older, "thumbnail", ValueError())
    assert status(connection, upload, "thumbnail")[0] == "pending"


@pytest.mark.parametrize("part", PARTS)
def test_a_ready_part_stays_ready(database: Database, connection: Any, upload: Upload, part: Part) -> None:
    images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    for _ in range(MAX_ERRORS + 1):
        stop(database, upload, part, ValueError())
    assert status(connection, upload, part)[0] == "ready"


def test_errors_do_not_count_while_another_delivery_holds_the_lease(
    database: Database, connection: Any, upload: Upload
) -> None:
    leased(connection, upload)
    for _ in range(MAX_ERRORS + 1):
        assert stop(database, upload, "annotation", ValueError())
    assert status(connection, upload, "annotation")[0] == "pending"


def test_a_deleted_photo_stays_deleted(database: Database, connection: Any, upload: Upload) -> None:
    images.delete(connection, upload.id)
    for _ in range(MAX_ERRORS + 1):
        assert stop(database, upload, "thumbnail", ValueError())
    assert images.get(connection, upload.id) is None
