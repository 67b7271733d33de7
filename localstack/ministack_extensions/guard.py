"""Keeps other web sites away from the emulator, which asks nobody for a password and runs the code it is given.

A page of any site can send requests to 127.0.0.1. Browsers tell where a request comes from (Sec-Fetch-Site, Origin)
and what name they used (Host); programs such as boto3 tell only the last.
https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Application = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_welcome(headers: Mapping[str, str], method: str, query: str) -> bool:
    """Tell whether a request comes from this machine's programs or from a page that this machine serves.

    A picture that another name of this machine shows (localhost for 127.0.0.1) is let through; a page cannot read it.
    """
    if not _is_loopback(urlsplit(f"//{headers.get('host', '')}").hostname):
        return False  # another site's name that was made to point here
    if headers.get("sec-fetch-site") != "cross-site":
        return True
    if "origin" in headers:
        return _is_loopback(urlsplit(headers["origin"]).hostname)
    return method == "GET" and headers.get("sec-fetch-dest") == "image" and "Action=" not in query


def _is_loopback(host: str | None) -> bool:
    return host is not None and (host in LOOPBACK or host.endswith(".localhost"))


def guarded(application: Application) -> Application:
    """Wrap an ASGI application so that it answers 403 to other sites."""

    async def guard(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
            if not is_welcome(headers, scope.get("method", ""), scope["query_string"].decode("latin-1")):
                if scope["type"] == "http":
                    await send({"type": "http.response.start", "status": 403, "headers": []})
                    await send({"type": "http.response.body", "body": b"requests of other sites are refused\n"})
                else:
                    await send({"type": "websocket.close"})
                return
        await application(scope, receive, send)

    return guard
