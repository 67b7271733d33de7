"""The Flask application."""

from __future__ import annotations

import os
from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from pydantic import BaseModel
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from catalog.keys import ID_PATTERN
from web import api, assets, compression, errors, gallery, headers, health, highlight, openapi, presentation
from web.backends import Backends
from web.config import WebSettings

MAX_BODY_BYTES = 160 * 1024
"""Files go directly to the bucket; the largest body is an edit form with the new and the previously seen texts."""


class ImageIdConverter(BaseConverter):
    """Matches only image IDs, as `catalog.keys.is_id` does."""

    regex = ID_PATTERN


class SchemaJSONProvider(DefaultJSONProvider):
    """Writes the types of `web.schemas`, with their fields in order."""

    sort_keys = False

    @staticmethod
    def default(value: Any) -> Any:
        """Return a value that JSON has for one that it doesn't have."""
        return value.model_dump(mode="json") if isinstance(value, BaseModel) else DefaultJSONProvider.default(value)


def create_app(settings: WebSettings | None = None) -> Flask:
    """Return the application, by default with settings from the environment.

    Raises:
        ConfigurationError: an environment variable is missing.
        NoCredentialsError: no AWS credentials were found to sign URLs with.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.json = SchemaJSONProvider(app)
    app.url_map.converters["image_id"] = ImageIdConverter
    # One load balancer is in front. It does not set X-Forwarded-Host, so that header would be the client's.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=0)  # type: ignore[method-assign]

    backends = Backends.from_settings(settings or WebSettings.from_environ(os.environ))
    _ = backends.storage.origin  # fail at start rather than at the first request if URLs cannot be signed
    app.extensions["backends"] = backends

    for module in (assets, compression, errors, headers, health, highlight, openapi, presentation):
        module.init_app(app)
    for blueprint in (gallery.blueprint, api.blueprint, health.blueprint):
        app.register_blueprint(blueprint)
    return app
