"""What people and programs see when something goes wrong: JSON under /api/, a page elsewhere.

HTTPException               raised by werkzeug, Flask or a view: its own status and words
DatabaseUnavailableError    503: worth another try
SearchUnavailableError      503: another search runs, or this one took too long
NotStartedError             503: Lambda did not take a photo; the sweep will send it
botocore's errors           503: S3 or Secrets Manager did not do as asked
EditConflictError           409: another person wrote there meanwhile
gunicorn's ParseException   400: a body whose chunks are broken
anything else               500: logged, and never shown
"""

from __future__ import annotations

import logging

from botocore.exceptions import BotoCoreError, ClientError
from flask import Flask, jsonify, make_response, render_template, request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from werkzeug import Response
from werkzeug.exceptions import BadHost, BadRequest, Conflict, HTTPException, ServiceUnavailable

from catalog.database import DatabaseUnavailableError
from web.database import SearchUnavailableError
from web.editing import EditConflictError
from web.functions import NotStartedError

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 10

_TITLES = {
    400: "That did not work",
    403: "Not allowed",
    404: "Not found",
    405: "That is not possible here",
    409: "Changed meanwhile",
    410: "Gone",
    413: "Too large",
    415: "Not that kind of file",
    500: "Something broke",
    503: "Back in a moment",
}
_WORDS = {
    404: "There is no such page. It may have moved, or its photo was deleted.",
    405: "This address exists, but does not take this kind of request. Start from the gallery.",
    500: "Our fault, and it is in our log. Please try again; if it stays, tell whoever runs this gallery.",
}


def register(app: Flask) -> None:
    """Let this module answer for every error of an application."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DatabaseUnavailableError, _database_unavailable)
    app.register_error_handler(SearchUnavailableError, _search_unavailable)
    app.register_error_handler(NotStartedError, _not_started)
    app.register_error_handler(EditConflictError, _edit_conflict)
    app.register_error_handler(ParseException, _broken_body)
    app.register_error_handler(BotoCoreError, _aws_unavailable)
    app.register_error_handler(ClientError, _aws_unavailable)


def _database_unavailable(error: Exception) -> Response:
    logger.error("the database is away", exc_info=error)
    return _unavailable("The database does not answer. No photo is lost. Please try again in a minute.")


def _search_unavailable(error: Exception) -> Response:
    logger.warning("a search was not made: %s", error)
    return _unavailable(str(error))


def _not_started(error: Exception) -> Response:
    logger.error("a function could not be started", exc_info=error)
    return _unavailable(
        "This photo cannot be sent off now. It will be by itself within half an hour, or when you press Retry."
    )


def _aws_unavailable(error: Exception) -> Response:
    logger.error("AWS did not do as asked", exc_info=error)
    return _unavailable(
        "The storage of photos, or another part behind this page, does not answer. Please try again in a minute."
    )


def _unavailable(words: str) -> Response:
    return _http_error(ServiceUnavailable(words, retry_after=RETRY_AFTER_SECONDS))


def _edit_conflict(error: Exception) -> Response:
    return _http_error(Conflict(str(error)))


def _broken_body(_: Exception) -> Response:
    return _http_error(BadRequest("The chunks of the body are broken. Please send the request again."))


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    answer = error.get_response()
    if status < 400:  # a redirect
        return Response(answer.get_data(), status, answer.headers)
    own_words = error.description if error.description != type(error).description else None
    message = own_words or _WORDS.get(status) or error.description
    if request.path.startswith("/api/"):
        code = error.name.lower().replace(" ", "_")
        response = make_response(jsonify(error={"code": code, "message": message}), status)
    elif isinstance(error, BadHost):  # a page has links, and there is no address to make them for
        response = make_response(f"{message}\n", status, {"Content-Type": "text/plain; charset=utf-8"})
    else:
        page = render_template(
            "error.html",
            status=status,
            title=_TITLES.get(status, error.name),
            message=message,
            retry_after=RETRY_AFTER_SECONDS if status == 503 and request.method == "GET" else None,
        )
        response = make_response(page, status)
    for name in ("Allow", "Retry-After"):
        if name in answer.headers:
            response.headers[name] = answer.headers[name]
    response.headers["Cache-Control"] = "no-store"
    return response
