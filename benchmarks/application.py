"""The gallery, and beside it the smallest Flask application, in the same process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from web.app import create_app

HELLO = "/hello-world"


def create() -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """Return a WSGI application that passes HELLO to the smallest application, and all else to the gallery."""
    hello = Flask("hello", static_folder=None)
    hello.add_url_rule(HELLO, view_func=lambda: "Hello, world!")
    gallery = create_app()
    return lambda environ, start: (hello if environ["PATH_INFO"] == HELLO else gallery)(environ, start)
