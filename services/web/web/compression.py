"""Sends text compressed: a page of 50 photos shrinks to a tenth, for a fifth of a millisecond.

Pages hold nothing that one visitor may see and another may not, so their length gives nothing away (BREACH).
"""

from __future__ import annotations

import gzip

from flask import Flask, Response, request

MIN_BYTES = 1000
LEVEL = 1
_TYPES = frozenset({"text/html", "text/css", "text/javascript", "application/json", "image/svg+xml"})


def register(app: Flask) -> None:
    """Compress the responses of an application for clients that accept it."""
    app.after_request(compress)


def compress(response: Response) -> Response:
    """Compress a response where that is worth it."""
    if response.mimetype not in _TYPES:
        return response
    response.vary.add("Accept-Encoding")
    if response.status_code != 200 or request.method == "HEAD" or not request.accept_encodings["gzip"]:
        return response
    response.direct_passthrough = False  # read the file of a static response
    body = response.get_data()
    if len(body) >= MIN_BYTES:
        response.set_data(gzip.compress(body, LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response
