"""Logs of functions: complete and bounded JSON lines in the log group of the function."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from local_cloud.emulator import Emulator
from support.emulated_account import Account, function_package
from support.waiting import wait_until

HANDLER = """
import logging, os, sys

logger = logging.getLogger("lines")

def handle(event, context):
    for number in range(event.get("lines", 0)):
        logger.info("line %s", number, extra={"number": number})
    logger.debug("a detail")
    sys.stderr.write(event.get("unfinished", ""))
    if "print" in event:
        print(event["print"])
    if "exit" in event:
        os._exit(1)
    try:
        if event.get("fail"):
            raise ValueError("as\\ntold")
    except ValueError:
        logger.exception("it failed")
    return context.log_group_name
"""

Invoke = Callable[..., Any]


@pytest.fixture
def group(account: Account) -> str:
    """Create a log group for the function."""
    name = f"/test/{uuid4().hex[:8]}"
    account.client("logs").create_log_group(logGroupName=name)
    return name


@pytest.fixture
def invoke(account: Account, group: str) -> Iterator[Invoke]:
    """Create a function and return a callable that invokes it."""
    functions, name = account.client("lambda"), f"lines-{uuid4().hex[:8]}"
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="index.handle",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": function_package(HANDLER)},
        LoggingConfig={"LogFormat": "JSON", "LogGroup": group},
        Timeout=20,
    )
    yield lambda kind="RequestResponse", **event: json.loads(
        functions.invoke(FunctionName=name, Payload=json.dumps(event), InvocationType=kind)["Payload"].read() or "null"
    )
    functions.delete_function(FunctionName=name)


def messages(account: Account, group: str) -> list[str]:
    pages = account.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return [event["message"] for page in pages for event in page["events"]]


def records(account: Account, group: str) -> list[dict[str, Any]]:
    """Return the JSON lines, without those of the platform."""
    return [json.loads(message) for message in messages(account, group) if message.startswith("{")]


def test_a_log_line_is_json_with_the_extra_values_of_the_function(account: Account, group: str, invoke: Invoke) -> None:
    assert invoke(lines=1) == group
    (line,) = records(account, group)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "INFO", "message": "line 0", "logger": "lines", "number": 0}


def test_the_log_is_complete_once_the_function_has_answered(account: Account, group: str, invoke: Invoke) -> None:
    for _ in range(3):
        invoke(lines=100)
    assert [line["number"] for line in records(account, group)] == [*range(100)] * 3


def test_an_exception_is_one_line_with_its_trace(account: Account, group: str, invoke: Invoke) -> None:
    invoke(fail=True)
    (line,) = records(account, group)
    assert (line["errorType"], line["errorMessage"], line["level"]) == ("ValueError", "as\ntold", "ERROR")
    assert line["stackTrace"][0].startswith("Traceback")


def test_printed_text_is_kept_even_without_an_end_of_line(account: Account, group: str, invoke: Invoke) -> None:
    invoke(print="printed")
    invoke(unfinished="no end of line")
    assert {"printed", "no end of line"} <= set(messages(account, group))


def test_the_log_of_a_process_that_died_is_kept(account: Account, group: str, invoke: Invoke) -> None:
    invoke(lines=2, exit=True)
    assert [line["number"] for line in records(account, group)] == [0, 1]


def test_a_group_keeps_the_last_invocations_and_the_tail_of_each(account: Account, group: str, invoke: Invoke) -> None:
    invoke(print="the first")
    with ThreadPoolExecutor(4) as callers:
        list(callers.map(lambda _: invoke(), range(499)))
    assert "the first" in messages(account, group)
    invoke(print="x" * 50_000 + "the last")
    found = messages(account, group)
    assert "the first" not in found
    assert sum(message.startswith("START") for message in found) == 500
    assert max(map(len, found)) == 16_384
    assert any(message.endswith("the last") for message in found)


def test_errors_are_in_the_log_of_the_emulator_too(emulator: Emulator, invoke: Invoke) -> None:
    before = len(emulator.child.log.read_text())
    invoke("Event", lines=1, fail=True)
    wait_until(lambda: "it failed" in emulator.child.log.read_text()[before:])
    assert '"number": 0' not in emulator.child.log.read_text()[before:]
