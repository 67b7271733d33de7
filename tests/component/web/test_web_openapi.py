"""The OpenAPI document covers every route, and every response conforms to it."""

import re
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import assume, given, settings
from schemathesis import GenerationMode

from catalog.images import MAX_TEXT_CHARACTERS
from catalog.keys import is_id
from catalog.limits import MAX_BYTES
from catalog.search import parse
from support.gallery_photos import GalleryPhotos

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
OPERATIONS = [
    ("POST", "/api/uploads", "createUpload", "201 400 403 413 415 503"),
    ("GET", "/api/images", "listImages", "200 304 400 503"),
    ("GET", "/api/words", "listWords", "200 304 400 503"),
    ("GET", "/api/images/{id}", "getImage", "200 304 404 503"),
    ("PUT", "/api/images/{id}", "completeUpload", "200 403 404 410 503"),
    ("PATCH", "/api/images/{id}", "editImage", "200 400 403 404 409 413 415 503"),
    ("DELETE", "/api/images/{id}", "deleteImage", "204 403 404 503"),
    ("POST", "/api/images/{id}/retry", "retryImage", "202 403 404 503"),
    ("POST", "/api/images/{id}/restore", "restoreImage", "200 403 404 503"),
    ("POST", "/api/images/{id}/annotate", "annotateImage", "202 400 403 404 413 415 503"),
    ("POST", "/api/annotate", "annotateImages", "200 400 403 413 415 503"),
    ("POST", "/api/retry", "retryImages", "200 400 403 413 415 503"),
    ("GET", "/api/stats", "getStatistics", "200 304 503"),
    ("GET", "/healthz", "getHealth", "200"),
    ("GET", "/readyz", "getReadiness", "200 503"),
    ("GET", "/openapi.json", "getDescription", "200"),
]
CONFIG = schemathesis.Config.from_dict(
    {"checks": {"negative_data_rejection": {"expected-statuses": ["400", "404", "405", "413", "415"]}}}
)


@pytest.fixture
def document(client: FlaskClient) -> Any:
    return client.get("/openapi.json").json


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize(("method", "path"), [operation[:2] for operation in OPERATIONS])
def test_every_response_conforms_to_the_document(
    method: str, path: str, mode: GenerationMode, app: Flask, photos: GalleryPhotos
) -> None:
    operation = schemathesis.openapi.from_wsgi("/openapi.json", app, config=CONFIG)[path][method]
    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query or operation.path_parameters):
        return  # no input that could be invalid

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=10, deadline=None, database=None)
    def check(case: schemathesis.Case[Any]) -> None:
        # schemathesis knows only some letters of \p{L}: a query that it considers invalid may have a word.
        assume(mode is GenerationMode.POSITIVE or not parse(str((case.query or {}).get("q", ""))).clauses)
        if mode is GenerationMode.POSITIVE and isinstance(case.body, dict) and "where" in case.body:
            case.body["where"] = "all"  # a schema cannot describe the language of selections
        if is_id(str(case.path_parameters.get("id", ""))):
            case.path_parameters["id"] = photos.add()
        case.call_and_validate(
            headers={"Accept-Encoding": "identity"}
        )  # schemathesis does not decompress WSGI responses

    check()


def test_the_document_is_valid_and_has_these_operations(app: Flask, document: Any) -> None:
    schemathesis.openapi.from_dict(document).validate()
    assert sorted(OPERATIONS) == sorted(
        (method.upper(), path, operation["operationId"], " ".join(operation["responses"]))
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method.upper() in METHODS
    )


def test_every_route_except_pages_is_in_the_document(app: Flask) -> None:
    routes = {
        (method, re.sub(r"<[^>]*>", "{id}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & METHODS
        if not rule.endpoint.startswith("gallery.") and rule.endpoint != "serve"
    }
    assert routes == {operation[:2] for operation in OPERATIONS}


def test_inputs_have_their_limits(document: Any) -> None:
    schemas = document["components"]["schemas"]
    upload, edit = schemas["UploadRequest"], schemas["Edit"]
    assert upload["required"] == ["filename", "content_type", "bytes"]
    assert upload["additionalProperties"] is edit["additionalProperties"] is False
    assert upload["properties"]["content_type"]["maxLength"] == 100
    assert upload["properties"]["bytes"] == {
        "type": "integer", "minimum": 1, "maximum": MAX_BYTES, "description": "The size of the file."
    }  # fmt: skip
    assert upload["properties"]["filename"]["maxLength"] == 1000
    for name in ("caption", "alt_text"):
        assert edit["properties"][name] == {"type": "string", "maxLength": MAX_TEXT_CHARACTERS}
    assert edit["properties"]["tags"]["maxItems"] == 30
    assert edit["properties"]["tags"]["items"] == {"type": "string", "maxLength": 50}
    limit, before, *_ = document["paths"]["/api/images"]["get"]["parameters"]
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}
    assert before["schema"] == {"$ref": "#/components/schemas/Id"}


@pytest.mark.parametrize(
    "name", ["Image", "Thumbnail", "Annotation", "ImagePage", "Statistics", "Usage", "UploadForm", "Error"]
)
def test_responses_always_have_exactly_the_documented_fields(document: Any, name: str) -> None:
    schema = document["components"]["schemas"][name]
    assert schema["required"] == list(schema["properties"])
    assert schema["additionalProperties"] is False
