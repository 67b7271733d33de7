"""Work can be interrupted anywhere, and leaves nothing in an inconsistent state."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http.server import ThreadingHTTPServer

import boto3
import pytest
from botocore.config import Config

from catalog.database import Database
from catalog.deadline import OutOfTimeError, time_limit
from support.database_server import fetch
from support.http_server import Request, running

LONG = 5.0
"""Duration of work that is not interrupted, in seconds."""
LIMIT = 0.2


def compute() -> None:
    end = time.monotonic() + LONG
    while time.monotonic() < end:
        pass


def compute_and_handle_every_exception() -> None:
    with suppress(Exception):  # as decoders do
        compute()


def compute_twice_and_swallow_the_first_alarm() -> None:
    with suppress(BaseException):  # as event loop callbacks and finalizers do
        compute()
    compute()


def compute_outside_any_module() -> None:
    exec("while True: pass", {})  # like generated code


def wait_in_an_event_loop() -> None:
    asyncio.run(asyncio.sleep(LONG))


@pytest.mark.parametrize(
    "work", [compute, compute_and_handle_every_exception, compute_outside_any_module, wait_in_an_event_loop]
)
def test_work_is_interrupted_anywhere(work: Callable[[], None]) -> None:
    with pytest.raises(OutOfTimeError, match="interrupted"), time_limit(LIMIT):
        work()


def test_a_swallowed_alarm_rings_again() -> None:
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


def test_a_query_after_an_interrupted_one_gets_its_own_result(database: Database) -> None:
    with (
        pytest.raises(OutOfTimeError),
        time_limit(LIMIT),
        database.connection() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"SELECT REPEAT('of the first', 10000), SLEEP({LONG / 100}) FROM information_schema.COLLATIONS")
    with database.connection() as connection:
        assert fetch(connection, "SELECT 'of the second'") == ("of the second",)


def test_a_connection_that_was_in_use_during_an_interruption_is_not_reused(database: Database) -> None:
    def number() -> object:
        with database.connection() as connection:
            return fetch(connection, "SELECT CONNECTION_ID()")

    before = number()
    with pytest.raises(OutOfTimeError), time_limit(LIMIT), database.connection():
        compute()
    assert number() != before


@pytest.fixture
def dripping_s3() -> Iterator[str]:
    """Run an S3 server that sends an object one byte at a time."""

    class Drip(Request):
        def do_GET(self) -> None:  # noqa: N802 - name of http.server
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

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Drip)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


def test_a_slow_download_is_interrupted(dripping_s3: str) -> None:
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


def test_an_alarm_while_entering_or_leaving_neither_escapes_nor_rings_later() -> None:
    for microseconds in range(1, 2000):
        with suppress(OutOfTimeError), time_limit(microseconds % 50 / 1e6):
            pass
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


class InterruptedHandler:
    """A handler whose restoration raises an alarm: signal.signal first converts it to an int."""

    __int__ = staticmethod(partial(signal.raise_signal, signal.SIGALRM))

    def __call__(self, _number: int, _frame: object) -> None:
        """Ignore the signal."""


def test_an_alarm_while_the_previous_handler_is_restored_does_not_escape() -> None:
    handler = InterruptedHandler()
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, handler)
    try:
        with time_limit(LONG):
            pass
        assert signal.getsignal(signal.SIGALRM) is handler
    finally:
        signal.signal(signal.SIGALRM, before)


def test_work_that_ends_in_time_is_not_interrupted() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(LONG):
        done = True
    assert done
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_an_exception_of_the_work_is_raised() -> None:
    with pytest.raises(ZeroDivisionError), time_limit(LONG):
        _ = 1 / 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.parametrize("seconds", [0, -1])
def test_work_without_time_does_not_start(seconds: float) -> None:
    with pytest.raises(OutOfTimeError, match="no time"), time_limit(seconds):
        pytest.fail("it started")


def test_other_threads_are_not_limited() -> None:
    done = []

    def work() -> None:
        with time_limit(0.01):
            time.sleep(0.1)
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
