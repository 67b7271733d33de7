"""What the functions wrote to their log groups."""

from __future__ import annotations

import json
import time
from typing import Any

from support.clouds import Cloud

WAIT_SECONDS = 300.0


def log_texts(aws: Any, cloud: Cloud, function: str, since: float = 0) -> list[str]:
    """Return all that is in the log group of thumbnail or annotate since a moment (time.time()), oldest first."""
    name = cloud.outputs[function]["FunctionName"]
    group = aws.client("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
    pages = aws.client("logs").get_paginator("filter_log_events")
    return [
        event["message"]
        for page in pages.paginate(logGroupName=group, startTime=round(since * 1000))
        for event in page["events"]
    ]


def log_lines(aws: Any, cloud: Cloud, function: str, since: float = 0) -> list[dict[str, Any]]:
    """Return the lines that the function wrote itself."""
    lines = (json.loads(text) for text in log_texts(aws, cloud, function, since) if text.startswith("{"))
    return [line for line in lines if "message" in line]


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
