"""The events that failed for good."""

import json
import time
from typing import Any

from support.clouds import Cloud

WAIT_SECONDS = 300.0
"""Lambda tries an event again after one minute and after two more."""


def dead_letters(aws: Any, cloud: Cloud) -> list[dict[str, Any]]:
    """Take all dead letters of both functions, with the reasons that Lambda gives."""
    found = []
    for function in ("thumbnail", "annotate"):
        queue = cloud.outputs[function]["DeadLettersUrl"]
        while messages := aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                aws.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


def wait_for_dead_letters(aws: Any, cloud: Cloud, text: str, count: int) -> list[dict[str, Any]]:
    """Wait for so many dead letters in which a text occurs, and return them; others are taken away, too."""
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + WAIT_SECONDS
    while len(found) < count:
        assert time.monotonic() < deadline, f"only {len(found)} of {count} dead letters came"
        time.sleep(0.2)
        found += [letter for letter in dead_letters(aws, cloud) if text in json.dumps(letter)]
    return found
