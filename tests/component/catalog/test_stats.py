"""The statistics equal the rows that they count."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import images, queue, stats
from catalog.images import Status
from catalog.keys import new_id
from catalog.ledger import Outcome
from catalog.stats import FailureReason, Requests, Source, Usage
from support.catalog_rows import an_upload, empty, fail, finish, registered

STATES = {"pending": 0, "ready": 0, "failed": 0}


class Row(NamedTuple):
    """A row of the ledger, some days old."""

    days_ago: int
    model: str
    model_version: str | None
    outcome: Outcome
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    thinking_tokens: int | None
    usd: Decimal | None


MODELS = st.sampled_from(["gemini-3.5-flash-lite", "gemini-3.8-flash"])
TOKENS = st.none() | st.integers(0, 10_000_000)
ROWS = st.builds(
    Row,
    st.integers(0, 400),
    MODELS,
    st.none() | MODELS,
    st.sampled_from(get_args(Outcome)),
    st.none() | st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY"]),
    TOKENS,
    TOKENS,
    TOKENS,
    st.none() | st.decimals(0, 99, places=9),
)


def insert(connection: Any, rows: list[Row]) -> datetime:
    """Put rows into the ledger; return the time that their ages refer to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT NOW()")
        now: datetime = cursor.fetchone()[0]
        for row in rows:
            cursor.execute(
                """INSERT INTO annotation_request (id, image_id, etag, requested_at, model, model_version,
                     prompt_version, outcome, finish_reason, input_tokens, output_tokens, thinking_tokens, usd,
                     reserved_usd)
                   VALUES (%s, %s, 'e1', %s, %s, %s, '1', %s, %s, %s, %s, %s, %s, 0.01)""",
                (new_id(), new_id(), now - timedelta(days=row.days_ago), *row[1:]),
            )
    return now.replace(tzinfo=UTC)


def usage(rows: list[Row]) -> Usage:
    """Return what the statistics have to say about rows."""
    used = [row for row in rows if row.outcome == "used"]
    return Usage(
        requests=len(rows),
        captions=len(used),
        input_tokens=sum(row.input_tokens or 0 for row in rows),
        output_tokens=sum(row.output_tokens or 0 for row in rows),
        thinking_tokens=sum(row.thinking_tokens or 0 for row in rows),
        known_usd=sum((row.usd for row in rows if row.usd is not None), Decimal(0)),
        unknown_costs=sum(row.usd is None for row in rows),
        captions_of_known_cost=sum(row.usd is not None for row in used),
    )


def by(rows: list[Row], key: Any) -> dict[Any, Usage]:
    return {value: usage([row for row in rows if key(row) == value]) for value in {key(row) for row in rows}}


@given(st.lists(ROWS, max_size=12))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_sums_equal_the_ledger(connection: Any, rows: list[Row]) -> None:
    empty(connection)
    now = insert(connection, rows)

    def day(row: Row) -> Any:
        return (now - timedelta(days=row.days_ago)).date()

    found = stats.read(connection)
    assert found.total == usage(rows)
    assert found.models == by(rows, lambda row: row.model_version or row.model)
    assert found.months == by(rows, lambda row: day(row).replace(day=1))
    assert found.days == by([row for row in rows if row.days_ago < stats.DAYS], day)
    assert list(found.days) == sorted(found.days, reverse=True)
    assert {(one.outcome, one.finish_reason): one.requests for one in found.outcomes} == Counter(
        (row.outcome, row.finish_reason) for row in rows
    )


def a_row(**changes: Any) -> Row:
    return Row(0, "gemini-3.8-flash", None, "used", "STOP", 800, 100, 50, Decimal("0.002"))._replace(**changes)


def test_an_unknown_cost_is_not_zero(connection: Any) -> None:
    insert(connection, [a_row(usd=None)])
    total = stats.read(connection).total
    assert (total.usd, total.unknown_costs, total.usd_per_caption) == (None, 1, None)


def test_unknown_costs_are_counted_beside_the_known_sum(connection: Any) -> None:
    insert(connection, [a_row(), a_row(outcome="open", finish_reason=None, usd=None)])
    found = stats.read(connection)
    assert (found.total.usd, found.total.unknown_costs) == (Decimal("0.002"), 1)
    assert found.outcomes == (Requests("open", None, 1), Requests("used", "STOP", 1))


def test_a_caption_costs_what_its_unusable_answers_cost_too(connection: Any) -> None:
    insert(connection, [a_row(), a_row(outcome="unusable", usd=Decimal("0.004")), a_row(usd=None)])
    assert stats.read(connection).models["gemini-3.8-flash"].usd_per_caption == Decimal("0.006")


def test_an_empty_catalog_has_statistics(connection: Any) -> None:
    found = stats.read(connection)
    assert (found.images, found.queued, found.total.usd) == (0, 0, Decimal(0))
    assert found.thumbnails == found.annotations == STATES
    assert (found.sources, found.days, found.months, found.models, found.outcomes) == ((), {}, {}, {}, ())


STATE = st.sampled_from(get_args(Status))


@given(st.lists(st.tuples(STATE, STATE, st.booleans()), max_size=6))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_photos_are_counted_by_state_without_deleted_ones(
    connection: Any, photos: list[tuple[Status, Status, bool]]
) -> None:
    empty(connection)
    for thumbnail, annotation, is_deleted in photos:
        upload = an_upload()
        registered(connection, upload)
        statement = "UPDATE image SET thumbnail_status = %s, annotation_status = %s WHERE id = %s"
        connection.cursor().execute(statement, (thumbnail, annotation, upload.id))
        if is_deleted:
            images.delete(connection, upload.id)
    present = [photo for photo in photos if not photo[2]]
    found = stats.read(connection)
    assert found.images == len(present)
    assert found.thumbnails == STATES | Counter(thumbnail for thumbnail, *_ in present)
    assert found.annotations == STATES | Counter(annotation for _, annotation, _ in present)


def test_the_costs_of_a_deleted_photo_stay(connection: Any) -> None:
    upload = an_upload()
    registered(connection, upload)
    finish(connection, upload)
    insert(connection, [a_row()])
    connection.cursor().execute("UPDATE annotation_request SET image_id = %s", (upload.id,))
    images.delete(connection, upload.id)
    found = stats.read(connection)
    assert (found.images, found.sources, found.total.usd) == (0, (), Decimal("0.002"))


def test_photos_are_counted_by_model_and_prompt(connection: Any) -> None:
    for _ in range(2):
        upload = an_upload()
        registered(connection, upload)
        finish(connection, upload)
    assert stats.read(connection).sources == (Source("gemini", "1", 2),)


def test_the_queue_is_counted(connection: Any) -> None:
    upload = an_upload()
    registered(connection, upload)
    queue.postpone(connection, upload.id, upload.etag)
    assert stats.read(connection).queued == 1


def test_failure_reasons_count_each_photo_once(connection: Any) -> None:
    uploads = [an_upload() for _ in range(3)]
    for upload, reason in zip(uploads, ("Too large.", "Too large.", "Not an image."), strict=True):
        registered(connection, upload)
        fail(connection, upload, reason)  # both parts
    assert stats.failure_reasons(connection) == [FailureReason("Too large.", 2), FailureReason("Not an image.", 1)]
    images.delete(connection, uploads[2].id)
    assert stats.failure_reasons(connection) == [FailureReason("Too large.", 2)]
