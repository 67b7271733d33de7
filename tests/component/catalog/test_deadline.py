"""Work is interrupted wherever it is, and nothing of it is left half done."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.config import Config

from catalog.database import Database
from catalog.deadline import OutOfTimeError, time_limit

LONG = 5.0
"""Seconds that work takes which is not interrupted."""
LIMIT = 0.2


def compute() -> None:
    end = time.monotonic() + LONG
    while time.monotonic() < end:
        pass


def compute_and_handle_every_exception() -> None:
    with suppress(Exception):  # as decoders do
        compute()


def compute_twice_and_swallow_the_first_alarm() -> None:
    with suppress(BaseException):  # as callbacks of event loops and finalizers do
        compute()
    compute()


def compute_in_code_of_no_module() -> None:
    exec("while True: pass", {})  # as generated code may be


def wait_in_an_event_loop() -> None:
    asyncio.run(asyncio.sleep(LONG))


@pytest.mark.parametrize(
    "work", [compute, compute_and_handle_every_exception, compute_in_code_of_no_module, wait_in_an_event_loop]
)
def test_work_is_interrupted_wherever_it_is(work: Callable[[], None]) -> None:
    with pytest.raises(OutOfTimeError, match="interrupted"), time_limit(LIMIT):
        work()


def test_an_alarm_that_was_swallowed_comes_again() -> None:
    with pytest.raises(OutOfTimeError), time_limit(LIMIT):
        compute_twice_and_swallow_the_first_alarm()


def test_an_event_loop_cleans_up_after_an_interruption() -> None:
    cleaned = []

    async def wait() -> None:
        try:
            await asyncio.sleep(LONG)
        finally:
            await asyncio.sleep(0)
            cleaned.append("up")

    with pytest.raises(OutOfTimeError), time_limit(LIMIT):
        asyncio.run(wait())
    assert cleaned == ["up"]


def test_a_query_is_interrupted_and_the_next_one_gets_its_own_answer(database: Database) -> None:
    with (
        pytest.raises(OutOfTimeError),
        time_limit(LIMIT),
        database.connection() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"SELECT REPEAT('of the first', 10000), SLEEP({LONG / 100}) FROM information_schema.COLLATIONS")
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 'of the second'")
        assert cursor.fetchone() == ("of the second",)


def test_a_connection_that_was_lent_during_an_interruption_is_never_lent_again(database: Database) -> None:
    def number() -> object:
        with database.connection() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT CONNECTION_ID()")
            return cursor.fetchone()

    before = number()
    with pytest.raises(OutOfTimeError), time_limit(LIMIT), database.connection():
        compute()
    assert number() != before


@pytest.fixture
def dripping_s3() -> Iterator[str]:
    """Serve an S3 that sends the announced object one byte at a time."""

    class Drip(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            end = time.monotonic() + LONG
            try:
                while time.monotonic() < end:
                    self.wfile.write(b"x")
                    time.sleep(0.01)
            except ConnectionError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Drip) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_download_that_drips_is_interrupted(dripping_s3: str) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=dripping_s3,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        region_name="us-east-1",
        config=Config(read_timeout=LONG, retries={"total_max_attempts": 1, "mode": "standard"}),
    )
    with pytest.raises(OutOfTimeError), time_limit(LIMIT), s3.get_object(Bucket="photos", Key="slow")["Body"] as body:
        body.read()


def test_an_alarm_on_the_way_in_or_out_neither_escapes_nor_rings_later() -> None:
    for microseconds in range(1, 2000):
        with suppress(OutOfTimeError), time_limit(microseconds % 50 / 1e6):
            pass
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


class InterruptedHandler:
    """A handler as which an alarm comes while it is put back: signal.signal first asks it for its number."""

    __int__ = staticmethod(partial(signal.raise_signal, signal.SIGALRM))

    def __call__(self, _number: int, _frame: object) -> None:
        """Be a handler."""


def test_an_alarm_that_comes_while_the_handler_of_before_is_put_back_does_not_escape() -> None:
    handler = InterruptedHandler()
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, handler)
    try:
        with time_limit(LONG):
            pass
        assert signal.getsignal(signal.SIGALRM) is handler
    finally:
        signal.signal(signal.SIGALRM, before)


def test_work_that_is_done_in_time_is_left_alone() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(LONG):
        done = True
    assert done
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_failure_of_the_work_is_its_own() -> None:
    with pytest.raises(ZeroDivisionError), time_limit(LONG):
        _ = 1 / 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.parametrize("seconds", [0, -1])
def test_work_without_time_does_not_begin(seconds: float) -> None:
    with pytest.raises(OutOfTimeError, match="no time"), time_limit(seconds):
        pytest.fail("it began")


def test_other_threads_have_no_limit() -> None:
    done = []

    def work() -> None:
        with time_limit(0.01):
            time.sleep(0.1)
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
