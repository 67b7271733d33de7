"""A photo that the same error stops again and again, and one that meets an outage."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from catalog import images
from catalog.database import Database, DatabaseUnavailableError
from catalog.deadline import OutOfTimeError
from catalog.images import MAX_ERRORS, Part
from catalog.repeated_errors import REASON, failing_repeated_errors
from catalog.settings import ConfigurationError
from catalog.uploads import Upload, new_id

PARTS: list[Part] = ["thumbnail", "annotation"]


@pytest.fixture
def upload(connection: Any) -> Upload:
    upload = Upload(new_id(), "kite.jpg", "image/jpeg", 9, "first", datetime.now(UTC).replace(microsecond=0))
    images.register(connection, upload)
    return upload


def status(connection: Any, upload: Upload, part: Part) -> tuple[str, str | None]:
    image = images.get(connection, upload.id)
    assert image is not None
    return getattr(image, f"{part}_status"), getattr(image, f"{part}_reason")


def stop(database: Database, upload: Upload, part: Part, error: Exception) -> bool:
    """Process a photo that an error stops; tell whether the error was raised, so that the event comes again."""
    try:
        with failing_repeated_errors(database, upload, part):
            raise error
    except type(error):
        return True
    return False


@pytest.mark.parametrize("part", PARTS)
def test_the_third_time_the_same_error_fails_the_photo(
    database: Database, connection: Any, upload: Upload, part: Part
) -> None:
    for time in range(1, MAX_ERRORS):
        assert stop(database, upload, part, ValueError(f"message {time}"))
        assert status(connection, upload, part) == ("pending", None)
    assert not stop(database, upload, part, ValueError("and another message"))
    assert status(connection, upload, part) == ("failed", REASON)


def test_a_photo_that_failed_so_is_logged_for_the_alarm(
    database: Database, upload: Upload, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(MAX_ERRORS):
        stop(database, upload, "thumbnail", ValueError("matmul"))
    (record,) = [record for record in caplog.records if hasattr(record, "repeated_errors")]
    assert (record.levelno, vars(record)["image_id"]) == (logging.ERROR, upload.id)
    assert "ValueError" in record.getMessage()
    assert record.exc_info


def test_another_error_starts_the_count_again(database: Database, connection: Any, upload: Upload) -> None:
    for error in (ValueError(), ValueError(), KeyError(), ValueError(), ValueError()):
        assert stop(database, upload, "annotation", error)
    assert status(connection, upload, "annotation")[0] == "pending"
    assert not stop(database, upload, "annotation", ValueError())


def test_the_same_class_from_another_place_is_another_error(database: Database, upload: Upload) -> None:
    def here() -> None:
        raise ValueError

    for _ in range(MAX_ERRORS - 1):
        assert stop(database, upload, "annotation", ValueError())
    with pytest.raises(ValueError), failing_repeated_errors(database, upload, "annotation"):  # noqa: PT011
        here()


def test_errors_of_one_function_do_not_count_for_the_other(database: Database, connection: Any, upload: Upload) -> None:
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


def test_a_function_may_name_outages_of_its_own(database: Database, connection: Any, upload: Upload) -> None:
    for _ in range(MAX_ERRORS + 1):
        with pytest.raises(LookupError), failing_repeated_errors(database, upload, "annotation", (LookupError,)):
            raise KeyError
    assert status(connection, upload, "annotation")[0] == "pending"


@pytest.mark.parametrize("part", PARTS)
def test_retry_starts_it_once_more(database: Database, connection: Any, upload: Upload, part: Part) -> None:
    for _ in range(MAX_ERRORS):
        stop(database, upload, part, ValueError())
    images.retry(connection, upload.id)
    assert status(connection, upload, part) == ("pending", None)
    assert not stop(database, upload, part, ValueError())
    assert status(connection, upload, part) == ("failed", REASON)


def test_a_retry_before_the_third_time_does_not_use_up_a_chance(
    database: Database, connection: Any, upload: Upload
) -> None:
    stop(database, upload, "thumbnail", ValueError())
    images.retry(connection, upload.id)
    assert stop(database, upload, "thumbnail", ValueError())
    assert not stop(database, upload, "thumbnail", ValueError())


def test_a_file_that_replaces_it_starts_at_zero(database: Database, connection: Any, upload: Upload) -> None:
    for _ in range(MAX_ERRORS):
        stop(database, upload, "thumbnail", ValueError())
    newer = Upload(upload.id, "kite.jpg", "image/jpeg", 9, "second", upload.uploaded_at + timedelta(seconds=1))
    images.register(connection, newer)
    for _ in range(MAX_ERRORS - 1):
        assert stop(database, newer, "thumbnail", ValueError())
    assert not stop(database, newer, "thumbnail", ValueError())


def test_an_error_of_an_older_file_does_not_count(database: Database, connection: Any, upload: Upload) -> None:
    older = Upload(upload.id, "kite.jpg", "image/jpeg", 9, "older", upload.uploaded_at)
    for _ in range(MAX_ERRORS + 1):
        assert stop(database, older, "thumbnail", ValueError())
    assert status(connection, upload, "thumbnail")[0] == "pending"


@pytest.mark.parametrize("part", PARTS)
def test_what_is_ready_stays_ready(database: Database, connection: Any, upload: Upload, part: Part) -> None:
    images.thumbnail_ready(connection, upload.id, "first", images.Thumbnail(4, 3, "image/jpeg", ""))
    images.edit(connection, upload.id, caption="Mine")
    for _ in range(MAX_ERRORS + 1):
        stop(database, upload, part, ValueError())
    assert status(connection, upload, part)[0] == "ready"


def test_while_another_delivery_describes_the_photo_its_outcome_counts(
    database: Database, connection: Any, upload: Upload
) -> None:
    images.claim_annotation(connection, upload.id, "first", images.claim_end(connection, 60))
    for _ in range(MAX_ERRORS + 1):
        assert stop(database, upload, "annotation", ValueError())
    assert status(connection, upload, "annotation")[0] == "pending"


def test_a_deleted_photo_stays_deleted(database: Database, connection: Any, upload: Upload) -> None:
    images.delete(connection, upload.id)
    for _ in range(MAX_ERRORS + 1):
        assert stop(database, upload, "thumbnail", ValueError())
    assert images.get(connection, upload.id) is None
