"""Metrics that filters extract from log lines."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localstack_executor.log_metrics import check_pattern, metric_data


def metric_filter(pattern: str, value: str = "$.pending", **more: str) -> dict[str, Any]:
    transformation = {"metricName": "Pending", "metricNamespace": "catalog", "metricValue": value, **more}
    return {"filterPattern": pattern, "metricTransformations": [transformation]}


@given(st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_a_number_counts_if_it_reaches_the_limit(number: int, limit: int) -> None:
    points = metric_data(metric_filter(f"{{ $.pending >= {limit} }}"), [json.dumps({"pending": number})])
    expected = [{"MetricName": "Pending", "Value": float(number), "Unit": "None"}]
    assert points == (expected if number >= limit else [])


@pytest.mark.parametrize(
    "message", ["", "START RequestId: 1", "[1]", "null", '{"failed": 1}', '{"pending": "many"}', '{"pending": null}']
)
def test_a_line_without_the_number_counts_nothing(message: str) -> None:
    assert metric_data(metric_filter("{ $.pending >= 0 }"), [message]) == []


def test_a_line_can_count_as_a_constant() -> None:
    points = metric_data(metric_filter("{ $.pending > 2 }", "1", unit="Count"), ['{"pending": 3}', '{"pending": 2}'])
    assert points == [{"MetricName": "Pending", "Value": 1.0, "Unit": "Count"}]


@pytest.mark.parametrize(("text", "causes"), [("*", ["budget", "key"]), ("budget", ["budget"]), ("b*t", ["budget"])])
def test_a_text_counts_if_it_matches_with_wildcards(text: str, causes: list[str]) -> None:
    lines = {"budget": '{"cause": "budget"}', "key": '{"cause": "key"}', "number": '{"cause": 1}', "none": "{}"}
    found = metric_filter(f'{{ $.cause = "{text}" }}', "1")
    assert [name for name, line in lines.items() if metric_data(found, [line])] == causes


@pytest.mark.parametrize(
    "pattern", ["", "ERROR", "{ $.a.b >= 0 }", "{ ($.a >= 0) && ($.b = 1) }", '{ $.a > "x" }', '{ $.a = "x y" }']
)
def test_an_unsupported_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="only supports filter patterns like"):
        check_pattern(pattern)
