"""What the functions wrote to their log groups."""

from __future__ import annotations

import json
import time
from typing import Any

from clouds import Cloud

WAIT_SECONDS = 30.0


def log_lines(aws: Any, cloud: Cloud, function: str) -> list[dict[str, Any]]:
    """Return the lines of thumbnail or annotate, oldest first, without those of the platform."""
    name = cloud.outputs[function]["FunctionName"]
    settings = aws.client("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"]
    pages = aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=settings["LogGroup"])
    found = [event["message"] for page in pages for event in page["events"]]
    return [line for line in (json.loads(text) for text in found if text.startswith("{")) if "message" in line]


def wait_for_messages(aws: Any, cloud: Cloud, function: str, image_id: str) -> list[str]:
    """Return what a function said about a photo, once it has said something: lines may come after the result."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        lines = log_lines(aws, cloud, function)
        found = [line["message"] for line in lines if line.get("image_id") == image_id]
        if found:
            return found
        assert time.monotonic() < deadline, f"{function} said nothing about {image_id}: {lines[-10:]}"
        time.sleep(0.1)
