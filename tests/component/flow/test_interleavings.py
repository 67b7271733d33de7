"""Photos are uploaded, replaced, edited, deleted and retried while deliveries run, in any order of their steps.

Hypothesis searches for an order that violates an invariant, and prints the shortest. The orders are the same in every
run; to search longer and at random:

    INTERLEAVINGS=5000 .venv/bin/python -m pytest tests/component/flow/test_interleavings.py
"""

import logging
import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from catalog.database import Database, DatabaseSettings
from support.interleavings import BUCKET, DATABASE, Interleavings
from support.stepped import OUTSIDE, SteppedDatabase, Work
from web.app import create_app
from web.config import WebSettings

EXAMPLES = int(os.environ.get("INTERLEAVINGS", "0"))


@pytest.fixture
def stepped_database(database: Database) -> Iterator[SteppedDatabase]:
    """Connect to an empty catalog, with a connection for each piece of work."""
    stepped = SteppedDatabase(DatabaseSettings.from_environ(os.environ), max_connections=100)
    yield stepped
    stepped.close()


@pytest.fixture
def app(aws: None) -> Iterator[Flask]:
    logging.disable()  # formatting log records takes half of the time
    yield create_app(WebSettings(**DATABASE, bucket_name=BUCKET, thumbnail_function="t", annotate_function="a"))
    logging.disable(logging.NOTSET)


def test_no_order_of_steps_violates_an_invariant(
    stepped_database: SteppedDatabase, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine: Any = partial(Interleavings, stepped_database, app, monkeypatch)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES or 50,
            derandomize=not EXAMPLES,
            stateful_step_count=40,
            report_multiple_bugs=False,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


# Orders that violated an invariant once, or are too rare to be found at random


@pytest.fixture
def play(stepped_database: SteppedDatabase, app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Interleavings]:
    """Create a world with one upload; the test chooses the steps, and in the end all invariants must hold."""
    machine = Interleavings(stepped_database, app, monkeypatch)
    machine.upload(0, announced=False)
    yield machine
    machine.teardown()


def begun(play: Interleavings, function: str) -> Work:
    """Return a delivery that is about to call the model or to store a thumbnail."""
    play.deliver_again(0, function, OUTSIDE, "a description")
    work = play.world.works[-1]
    assert work.next == OUTSIDE
    return work


def finished(play: Interleavings, work: Work, answer: str = "a description") -> None:
    play.run(work, "the end", answer)


def test_of_two_simultaneous_deliveries_one_calls_the_model(play: Interleavings) -> None:
    for _ in range(2):
        play.deliver_again(0, "annotate", "the next step", "a description")
    for _ in range(20):
        for work in [*play.world.works]:
            if work.next != OUTSIDE:
                play.step(work)


def test_a_late_delivery_does_not_release_the_lease_of_another(play: Interleavings) -> None:
    late = begun(play, "annotate")
    play.wait(70)
    begun(play, "annotate")
    finished(play, late, "an outage")
    play.deliver_again(0, "annotate", OUTSIDE, "a description")
    play.promises_hold()


def test_a_late_refusal_and_a_retry_do_not_give_the_lease_to_a_third(play: Interleavings) -> None:
    late = begun(play, "annotate")
    play.wait(70)
    begun(play, "annotate")
    finished(play, late, "a refusal")
    play.request(0, "POST")
    finished(play, play.world.works[-1])
    play.deliver_again(0, "annotate", OUTSIDE, "a description")
    play.promises_hold()


def test_of_two_answers_one_is_recorded(play: Interleavings) -> None:
    late = begun(play, "annotate")
    play.wait(70)
    second = begun(play, "annotate")
    finished(play, late)
    finished(play, second)


def test_the_sweep_finds_a_replaced_photo_whose_event_was_lost(play: Interleavings) -> None:
    finished(play, begun(play, "annotate"))
    finished(play, begun(play, "thumbnail"))
    play.wait(1)
    play.upload(0, announced=False)


def test_an_older_version_from_the_same_second_does_not_stay(play: Interleavings) -> None:
    play.deliver_again(0, "thumbnail", "the next step", "")
    early = play.world.works[-1]
    play.step(early)  # it has read the older version
    play.upload(0, announced=False)
    finished(play, begun(play, "annotate"))
    finished(play, early)


def test_a_photo_deleted_before_it_had_a_row_gets_no_row(play: Interleavings) -> None:
    play.deliver_again(0, "thumbnail", "the next step", "")
    early = play.world.works[-1]
    play.step(early)  # it has read the object
    play.request(0, "DELETE")
    finished(play, play.world.works[-1])
    finished(play, early)


def test_a_killed_delivery_of_an_older_version_leaves_no_wrong_thumbnail(play: Interleavings) -> None:
    older = begun(play, "thumbnail")
    play.wait(1)
    play.upload(0, announced=False)
    finished(play, begun(play, "thumbnail"))
    play.step(older)  # it has stored its thumbnail over the newer one, and is killed


def test_a_killed_delivery_of_a_deleted_photo_leaves_no_thumbnail(play: Interleavings) -> None:
    late = begun(play, "thumbnail")
    play.request(0, "DELETE")
    finished(play, play.world.works[-1])
    play.step(late)  # it has stored its thumbnail, and is killed
