"""Image ids and keys."""

import time
from datetime import UTC, datetime

import pytest

from catalog.keys import is_id, lowest_id, new_id, parse_upload_key, upload_key


def test_ids_are_version_7_uuids_that_sort_by_time() -> None:
    first = new_id()
    time.sleep(0.002)
    second = new_id()
    assert is_id(first)
    assert first < second


def test_lowest_id_sorts_between_earlier_and_later_ids() -> None:
    before = new_id()
    time.sleep(0.002)
    moment = datetime.now(UTC)
    time.sleep(0.002)
    assert before < lowest_id(moment) < new_id()


def test_ids_created_at_the_same_time_differ() -> None:
    assert len({new_id() for _ in range(1000)}) == 1000


def test_an_upload_key_can_be_parsed() -> None:
    image_id = new_id()
    assert parse_upload_key(upload_key(image_id)) == image_id


@pytest.mark.parametrize(
    "key",
    ["", "uploads/", "uploads/cat.jpg", "thumbnails/{id}/512.webp", "{id}", "uploads/{id}/more", "uploads/../{id}"],
)
def test_other_keys_are_not_upload_keys(key: str) -> None:
    assert parse_upload_key(key.format(id=new_id())) is None
