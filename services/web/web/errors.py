"""Error responses: JSON under /api/, an HTML page elsewhere.

HTTPException               raised by Werkzeug, Flask or a view: its own status and description
DatabaseUnavailableError    503: temporary
BulkUnavailableError        503: too many photos would be read, or others are being read
SelectionError              400: a selection of photos cannot be understood
NotStartedError             503: Lambda did not accept the event; the sweep will retry
botocore's errors           503: a request to S3 or Secrets Manager failed
EditConflictError           409: somebody else changed the same field
gunicorn's ParseException   400: invalid chunked encoding
anything else               500: logged, details not shown
"""

from __future__ import annotations

import logging

from botocore.exceptions import BotoCoreError, ClientError
from flask import Flask, jsonify, make_response, render_template, request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from werkzeug import Response
from werkzeug.exceptions import BadHost, BadRequest, Conflict, HTTPException, ServiceUnavailable

from catalog.database import DatabaseUnavailableError
from catalog.selection import SelectionError
from web.bulk_database import BulkUnavailableError
from web.editing import EditConflictError
from web.functions import NotStartedError
from web.schemas import Error, ErrorDetail

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 10

_TITLES = {
    400: "Invalid request",
    403: "Not allowed",
    404: "Not found",
    405: "Not supported",
    409: "Edit conflict",
    410: "Gone",
    413: "Too large",
    415: "Unsupported type",
    500: "Something went wrong",
    503: "Temporarily unavailable",
}
_MESSAGES = {
    404: "This page does not exist. It may have moved, or its photo may have been deleted.",
    405: "This page does not support this kind of request. Go back to the gallery and try again.",
    500: "Something went wrong on our side. If it persists, contact the site owner.",
}


def init_app(app: Flask) -> None:
    """Handle all errors of an application."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DatabaseUnavailableError, _database_unavailable)
    app.register_error_handler(BulkUnavailableError, _bulk_unavailable)
    app.register_error_handler(NotStartedError, _not_started)
    app.register_error_handler(EditConflictError, _edit_conflict)
    app.register_error_handler(SelectionError, _wrong_selection)
    app.register_error_handler(ParseException, _broken_body)
    app.register_error_handler(BotoCoreError, _aws_unavailable)
    app.register_error_handler(ClientError, _aws_unavailable)


def _database_unavailable(error: Exception) -> Response:
    logger.error("the database is unavailable", exc_info=error)
    return _unavailable("The database is not responding. Your photos are safe. Please try again in a minute.")


def _bulk_unavailable(error: Exception) -> Response:
    logger.warning("many photos could not be read: %s", error)
    return _unavailable(str(error))


def _not_started(error: Exception) -> Response:
    logger.error("a function could not be invoked", exc_info=error)
    return _unavailable("We couldn't queue this photo. It will be retried within 30 minutes, or press Retry.")


def _aws_unavailable(error: Exception) -> Response:
    logger.error("a request to AWS failed", exc_info=error)
    return _unavailable("The photo storage is not responding. Please try again in a minute.")


def _unavailable(message: str) -> Response:
    return _http_error(ServiceUnavailable(message, retry_after=RETRY_AFTER_SECONDS))


def _edit_conflict(error: Exception) -> Response:
    return _http_error(Conflict(str(error)))


def _wrong_selection(error: Exception) -> Response:
    return _http_error(BadRequest(str(error)))


def _broken_body(_: Exception) -> Response:
    return _http_error(BadRequest("The chunked encoding of the body is invalid. Please send the request again."))


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    answer = error.get_response()
    if status < 400:  # a redirect
        return Response(answer.get_data(), status, answer.headers)
    specific = error.description if error.description != type(error).description else None
    message = specific or _MESSAGES.get(status) or error.description or error.name
    if request.path.startswith("/api/"):
        code = error.name.lower().replace(" ", "_")
        response = make_response(jsonify(Error(error=ErrorDetail(code=code, message=message))), status)
    elif isinstance(error, BadHost):  # the links of a page need a valid host
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
