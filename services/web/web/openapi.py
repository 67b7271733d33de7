"""The OpenAPI document at /openapi.json, generated from the routes, their views' docstrings and `web.schemas`.

Written by hand: the introduction, and what holds for all operations alike, which their types cannot tell.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Flask, Response, jsonify
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from werkzeug.routing import Rule

from web.inputs import PageQuery
from web.schemas import Error

View = TypeVar("View", bound=Callable[..., Any])

_INTRODUCTION = {
    "title": "Gallery",
    "version": "1",
    "summary": "Upload photos and read their annotations.",
    "description": "Uploading a photo takes three steps: request a form (`POST /api/uploads`), post the file to the "
    "form's URL, and complete the upload (`PUT /api/images/{id}`). Two functions then process the photo: one creates "
    "the thumbnail, the other writes a caption, alternative text and tags. Each part is `pending`, `ready`, or "
    "`failed` with a reason. People may write the texts themselves, and let a photo be annotated again; "
    "a person's text is replaced only if this is asked for.\n\n"
    "Browsers may only send changes from the gallery's own origin (Sec-Fetch-Site, Origin).",
}
_TAGS = {
    "photos": "Photos and their annotations.",
    "uploads": "Adding photos.",
    "operation": "For operators, load balancers and tools.",
}
_ERRORS = {
    400: ("BadRequest", "A value is missing, unknown or invalid. The message says which."),
    403: ("Forbidden", "The request came from a page of another site."),
    404: ("NotFound", "The photo or upload does not exist."),
    409: ("Conflict", "Somebody else changed a field after it was `seen`. Nothing was saved. Get the photo and retry."),
    410: ("Gone", "The photo was deleted."),
    413: ("TooLarge", "The file or the body is too large."),
    415: ("UnsupportedType", "The body is not JSON."),
    503: (
        "Unavailable",
        "The database, the storage or the search is unavailable, or a search took too long. Retry later.",
    ),
}


@dataclass(frozen=True)
class Operation:
    """Decorates a view, to publish it. Its name is the operation's ID; its docstring is the summary and description."""

    tag: str
    responses: Mapping[int, type[BaseModel] | None]
    """The types of the responses by status; None is a response without a body."""
    errors: tuple[int, ...] = ()
    """Statuses of errors besides those that all similar operations have."""
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None

    def __call__(self, view: View) -> View:
        """Publish a view."""
        vars(view)["operation"] = self
        return view


class Document(BaseModel):
    """An OpenAPI document."""


def init_app(app: Flask) -> None:
    """Serve the document, generated at the first request."""
    generate = cache(lambda: document(app))

    @app.get("/openapi.json")
    @Operation("operation", {200: Document})
    def get_description() -> Response:
        """Read this description."""
        return jsonify(generate())


def document(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI document of an application."""
    published = [
        (rule, view, operation)
        for rule in app.url_map.iter_rules()
        if (operation := getattr(view := app.view_functions[rule.endpoint], "operation", None))
    ]
    components = _schemas([operation for *_, operation in published])
    paths: dict[str, Any] = {}
    for rule, view, operation in published:
        (method,) = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        path = paths.setdefault(re.sub(r"<[^>]*>", "{id}", rule.rule), {})
        if rule.arguments:
            path["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": _reference("schemas", "Id")}]
        path[method.lower()] = _operation(rule, method, view, operation, components)
    components.pop(PageQuery.__name__)  # parameters describe it
    return {
        "openapi": "3.1.0",
        "info": _INTRODUCTION,
        "servers": [{"url": "/"}],
        "security": [],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "responses": {
                "NotModified": {"description": "Nothing changed since the response with this ETag."},
                **{name: _error(status, text) for status, (name, text) in _ERRORS.items()},
            },
            "schemas": components,
        },
    }


class _Generator(GenerateJsonSchema):
    """Generates schemas without titles, and without defaults that only stand for an absent value."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> dict[str, Any]:
        described = super().default_schema(schema)
        if self.mode == "serialization" or not described.get("default"):
            described.pop("default", None)
        return described


def _schemas(operations: list[Operation]) -> dict[str, Any]:
    models: set[tuple[type[BaseModel], JsonSchemaMode]] = {(Error, "serialization")}
    for operation in operations:
        models |= {(model, "validation") for model in (operation.body, operation.query) if model}
        models |= {(model, "serialization") for model in operation.responses.values() if model}
    in_order = sorted(models, key=lambda model: model[0].__name__)
    template = "#/components/schemas/{model}"
    definitions: dict[str, Any] = models_json_schema(in_order, ref_template=template, schema_generator=_Generator)[1]
    return dict(definitions["$defs"])


def _operation(
    rule: Rule, method: str, view: Callable[..., Any], operation: Operation, schemas: Mapping[str, Any]
) -> dict[str, Any]:
    summary, _, description = (inspect.getdoc(view) or "").partition("\n\n")
    first, *words = view.__name__.split("_")
    is_api = rule.rule.startswith("/api/")
    is_cached = is_api and method == "GET"
    described: dict[str, Any] = {
        "operationId": first + "".join(word.title() for word in words),
        "tags": [operation.tag],
        "summary": summary.rstrip("."),
    }
    if description:
        described["description"] = " ".join(description.split())
    if operation.body:
        described["requestBody"] = {"required": True, "content": _json(_reference("schemas", operation.body.__name__))}
    parameters = list(_query(schemas[operation.query.__name__])) if operation.query else []
    if is_cached:
        parameters.append({"name": "If-None-Match", "in": "header", "schema": {"type": "string"}})
    if parameters:
        described["parameters"] = parameters

    responses: dict[str, Any] = {}
    for status, model in operation.responses.items():
        response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if model:
            response |= {"description": inspect.getdoc(model), "content": _json(_reference("schemas", model.__name__))}
        if is_cached:
            response["headers"] = {"ETag": {"schema": {"type": "string"}}}
        responses[str(status)] = response
    if is_cached:
        responses["304"] = _reference("responses", "NotModified")
    for status in {*operation.errors, *_common_errors(rule, method, operation)}:
        responses[str(status)] = _reference("responses", _ERRORS[status][0])
    return described | {"responses": dict(sorted(responses.items()))}


def _common_errors(rule: Rule, method: str, operation: Operation) -> Iterator[int]:
    if operation.body:
        yield from (400, 413, 415)
    if operation.query:
        yield 400
    if method != "GET":
        yield 403
    if rule.arguments:
        yield 404
    if rule.rule.startswith("/api/"):
        yield 503


def _query(schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, described in schema["properties"].items():
        text = described.pop("description")
        value = next((some for some in described.get("anyOf", ()) if some != {"type": "null"}), described)
        yield {"name": name, "in": "query", "description": text, "schema": value}


def _error(status: int, text: str) -> dict[str, Any]:
    error: dict[str, Any] = {"description": text, "content": _json(_reference("schemas", Error.__name__))}
    if status == 503:
        error["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    return error


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _reference(kind: str, name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/{kind}/{name}"}
