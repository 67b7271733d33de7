"""Protects the emulator, which requires no password and runs any code that it receives, from other web sites.

A page of any site can send requests to 127.0.0.1. Browsers send where a request comes from (Sec-Fetch-Site, Origin) and
the name of the server (Host); programs such as boto3 send only the latter.
https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Application = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_allowed(headers: Mapping[str, str], method: str, query: str) -> bool:
    """Tell whether a request comes from a program or a page of this machine.

    Images may be shown under another name of this machine (localhost for 127.0.0.1); a page cannot read them.
    """
    if not _is_loopback(urlsplit(f"//{headers.get('host', '')}").hostname):
        return False  # the name of another site, resolved to this machine
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
            if not is_allowed(headers, scope.get("method", ""), scope["query_string"].decode("latin-1")):
                if scope["type"] == "http":
                    await send({"type": "http.response.start", "status": 403, "headers": []})
                    await send({"type": "http.response.body", "body": b"requests from other sites are refused\n"})
                else:
                    await send({"type": "websocket.close"})
                return
        await application(scope, receive, send)

    return guard
