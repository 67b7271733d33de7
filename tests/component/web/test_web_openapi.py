"""The description of the API is complete, and every answer is as it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import given, settings
from schemathesis import GenerationMode

import web
from catalog import images
from catalog.keys import is_id
from catalog.limits import MAX_BYTES
from web import payload

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
DESCRIPTION: dict[str, Any] = json.loads((Path(web.__file__).parent / "openapi.json").read_text())


REFUSALS = ["400", "404", "405", "413", "415"]
CONFIG = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}})
OPERATIONS = [
    (path, method) for path, item in DESCRIPTION["paths"].items() for method in item if method.upper() in METHODS
]


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_as_described(path: str, method: str, mode: GenerationMode, app: Flask, catalogue: Any) -> None:
    operation = schemathesis.openapi.from_wsgi("/openapi.json", app, config=CONFIG)[path][method]
    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query or operation.path_parameters):
        return  # there is nothing to get wrong

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=10, deadline=None, database=None)
    def check(case: schemathesis.Case[Any]) -> None:
        if is_id(str(case.path_parameters.get("id", ""))):
            case.path_parameters["id"] = catalogue.add()
        case.call_and_validate(headers={"Accept-Encoding": "identity"})  # schemathesis does not unpack what WSGI sends

    check()


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
    assert upload["content_type"]["maxLength"] == payload.MAX_CONTENT_TYPE_CHARACTERS
    assert upload["bytes"]["maximum"] == MAX_BYTES
    assert upload["filename"]["maxLength"] == payload.MAX_SENT_FILENAME_CHARACTERS
    edit = schemas["Edit"]["properties"]
    assert edit["caption"]["maxLength"] == edit["alt_text"]["maxLength"] == images.MAX_TEXT_CHARACTERS
    assert edit["tags"]["maxItems"] == payload.MAX_TAGS
    assert edit["tags"]["items"]["maxLength"] == payload.MAX_TAG_CHARACTERS
    limit, *_ = DESCRIPTION["paths"]["/api/images"]["get"]["parameters"]
    assert limit["schema"]["maximum"] == payload.MAX_LIMIT
    assert limit["schema"]["default"] == payload.DEFAULT_LIMIT
