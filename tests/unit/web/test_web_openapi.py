"""The description of the API is complete, and every answer is as it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings

import web
from catalog.uploads import CONTENT_TYPES, MAX_BYTES, is_id
from web import payload

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
DESCRIPTION: dict[str, Any] = json.loads((Path(web.__file__).parent / "openapi.json").read_text())


@pytest.fixture
def api_schema(app: Flask) -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


schema = schemathesis.pytest.from_fixture("api_schema")


@schema.parametrize()
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_described(case: schemathesis.Case, catalogue: Any) -> None:
    if is_id(str(case.path_parameters.get("id", ""))):
        case.path_parameters["id"] = catalogue.add()
    case.call_and_validate()


def test_every_route_that_is_no_page_is_described(app: Flask) -> None:
    routes = {
        (re.sub(r"<[^>]*>", "{id}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & METHODS
        if not rule.endpoint.startswith("gallery.") and rule.endpoint != "serve"
    }
    described = {
        (path, method.upper())
        for path, item in DESCRIPTION["paths"].items()
        for method in item
        if method.upper() in METHODS
    }
    assert routes == described


def test_the_limits_are_those_of_the_code() -> None:
    schemas = DESCRIPTION["components"]["schemas"]
    upload = schemas["UploadRequest"]["properties"]
    assert upload["content_type"]["enum"] == list(CONTENT_TYPES)
    assert upload["bytes"]["maximum"] == MAX_BYTES
    assert upload["filename"]["maxLength"] == payload.MAX_SENT_FILENAME_CHARACTERS
    edit = schemas["Edit"]["properties"]
    assert edit["caption"]["maxLength"] == edit["alt_text"]["maxLength"] == payload.MAX_TEXT_CHARACTERS
    assert edit["tags"]["maxItems"] == payload.MAX_TAGS
    assert edit["tags"]["items"]["maxLength"] == payload.MAX_TAG_CHARACTERS
    limit, _, query, *_ = DESCRIPTION["paths"]["/api/images"]["get"]["parameters"]
    assert limit["schema"]["maximum"] == payload.MAX_LIMIT
    assert limit["schema"]["default"] == payload.DEFAULT_LIMIT
    assert query["schema"]["maxLength"] == payload.MAX_QUERY_CHARACTERS
