"""Metrics that filters extract from log lines. LocalStack itself counts each line of any group as 1.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import fnmatch
import json
import operator
import re
from collections.abc import Iterable, Mapping
from typing import Any

COMPARISONS = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
    "!=": operator.ne,
}
_NUMBER = r"(?P<comparison>>=|<=|!=|>|<|=)\s*(?P<limit>-?\d+(?:\.\d+)?)"
_TEXT = r'=\s*"(?P<text>[\w*]+)"'
_PATTERN = re.compile(rf"\{{\s*\$\.(?P<name>\w+)\s*(?:{_NUMBER}|{_TEXT})\s*\}}")


def check_pattern(pattern: str) -> None:
    """Check that `metric_data` supports a pattern.

    Raises:
        ValueError: it does not.
    """
    if not _PATTERN.fullmatch(pattern):
        raise ValueError(
            f'This emulator only supports filter patterns like {{ $.name >= 0 }} or {{ $.name = "*" }}, not {pattern!r}'
        )


def metric_data(metric_filter: Mapping[str, Any], messages: Iterable[str]) -> list[dict[str, Any]]:
    """Return the data points of a metric filter, in the format of PutMetricData.

    Args:
        metric_filter: in the format of DescribeMetricFilters.
        messages: lines of its log group.
    """
    match = _PATTERN.fullmatch(metric_filter["filterPattern"])
    if match is None:
        return []
    points = []
    for message in messages:
        fields = _fields(message)
        if _fulfils(fields.get(match["name"]), match):
            for transformation in metric_filter["metricTransformations"]:
                value = transformation["metricValue"]
                number = fields.get(value[2:]) if value.startswith("$.") else float(value)
                if isinstance(number, int | float):
                    unit = transformation.get("unit", "None")
                    points.append({"MetricName": transformation["metricName"], "Value": float(number), "Unit": unit})
    return points


def _fulfils(found: object, pattern: re.Match[str]) -> bool:
    if pattern["text"]:
        return isinstance(found, str) and fnmatch.fnmatchcase(found, pattern["text"])
    return isinstance(found, int | float) and COMPARISONS[pattern["comparison"]](found, float(pattern["limit"]))


def _fields(message: str) -> dict[str, Any]:
    try:
        fields = json.loads(message)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
