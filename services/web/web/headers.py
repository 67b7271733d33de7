"""What every response tells the browser to refuse, and which requests are refused here."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import BadHost, BadRequest, Forbidden
from werkzeug.sansio.utils import host_is_trusted

from web.backends import backends

HSTS_SECONDS = 2 * 365 * 86_400


def register(app: Flask) -> None:
    """Guard every request and response of an application."""
    app.before_request(refuse_malformed_hosts)
    app.before_request(refuse_other_sites)
    app.before_request(refuse_broken_bodies)
    app.after_request(add_headers)


def refuse_malformed_hosts() -> None:
    """Refuse a request whose Host is no name or address, as RFC 9112, section 3.2, wants it."""
    host = request.headers.get("Host")
    if (host is not None and not host_is_trusted(host)) or isinstance(request.routing_exception, BadHost):
        raise BadHost("The Host header is no name and no address of a host.")


def refuse_other_sites() -> None:
    """Refuse a change that another site's page asks for (CSRF), without tokens.

    Browsers say where a request comes from in Sec-Fetch-Site, older ones in Origin. A client that sends neither is
    no browser, and carries nobody's cookies. The same rules as https://pkg.go.dev/net/http#CrossOriginProtection.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    from_here = origin is None or _host(origin) == request.host
    if not (from_here if site is None else site in ("same-origin", "none")):
        raise Forbidden("This was asked for by a page of another site. Open the gallery itself and try again.")


def refuse_broken_bodies() -> None:
    """Refuse a request whose body breaks off, has broken chunks or is too large, before anything is done for it."""
    if len(request.get_data()) < (request.content_length or 0):  # gunicorn takes the end of the connection for its end
        raise BadRequest("The body breaks off. Please send the request again.")


def _host(origin: str) -> str | None:
    """Return the host of an origin with its port; None when it is malformed."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def content_security_policy(s3_origin: str) -> str:
    """Return the policy: nothing but our own scripts and styles, and pictures and uploads of our bucket."""
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
    """Add the headers that every response carries."""
    headers = response.headers
    headers["Content-Security-Policy"] = content_security_policy(backends().storage.origin)
    headers["X-Content-Type-Options"] = "nosniff"
    # Not no-referrer: that would turn the Origin of our own forms into "null".
    headers["Referrer-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if request.is_secure:
        headers["Strict-Transport-Security"] = f"max-age={HSTS_SECONDS}"
    headers.setdefault("Cache-Control", "private, no-cache")
    return response
