"""Security headers of responses, and checks of all requests."""

from __future__ import annotations

from functools import cache
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import BadHost, BadRequest, Forbidden
from werkzeug.sansio.utils import host_is_trusted

from web.backends import backends

HSTS_SECONDS = 2 * 365 * 86_400


def init_app(app: Flask) -> None:
    """Check every request of an application, and add headers to every response."""
    app.before_request(reject_malformed_hosts)
    app.before_request(reject_other_sites)
    app.before_request(reject_incomplete_bodies)
    app.after_request(add_headers)


def reject_malformed_hosts() -> None:
    """Reject a request whose Host is not a valid host name or address, as RFC 9112, section 3.2, requires."""
    host = request.headers.get("Host")
    if (host is not None and not host_is_trusted(host)) or isinstance(request.routing_exception, BadHost):
        raise BadHost("The Host header is not a valid host name or address.")


def reject_other_sites() -> None:
    """Reject changes from pages of other sites (CSRF), without tokens.

    Browsers send the origin of a request in Sec-Fetch-Site, older ones in Origin. A client that sends neither is not a
    browser and has no cookies. The rules are those of https://pkg.go.dev/net/http#CrossOriginProtection.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    is_same_origin = origin is None or _host(origin) == request.host
    if not (is_same_origin if site is None else site in ("same-origin", "none")):
        raise Forbidden("This request came from a page of another site. Open the gallery and try again.")


def reject_incomplete_bodies() -> None:
    """Reject a body that is incomplete, too large or has invalid chunks, before the request has any effect."""
    if len(request.get_data()) < (request.content_length or 0):  # gunicorn accepts a closed connection as the end
        raise BadRequest("The body is incomplete. Please send the request again.")


def _host(origin: str) -> str | None:
    """Return the host and port of an origin; None if it is malformed."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


@cache
def content_security_policy(s3_origin: str) -> str:
    """Return the policy: only our own scripts and styles, and pictures and uploads of our bucket."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data: {s3_origin}",
            f"connect-src 'self' {s3_origin}",
            f"form-action 'self' {s3_origin}",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def add_headers(response: Response) -> Response:
    """Add the headers that all responses have."""
    headers = response.headers
    headers["Content-Security-Policy"] = content_security_policy(backends().storage.origin)
    headers["X-Content-Type-Options"] = "nosniff"
    # Not no-referrer, with which browsers send "Origin: null" for our own forms.
    headers["Referrer-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if request.is_secure:
        headers["Strict-Transport-Security"] = f"max-age={HSTS_SECONDS}"
    headers.setdefault("Cache-Control", "private, no-cache")
    return response
