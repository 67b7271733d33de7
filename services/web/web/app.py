"""The Flask application."""

from __future__ import annotations

import os

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from web import api, assets, compression, errors, gallery, headers, health, presentation
from web.backends import Backends
from web.config import WebSettings

MAX_BODY_BYTES = 160 * 1024
"""Photos go to the bucket directly: the longest body is a form with the words about one, new and seen before."""


class ImageIdConverter(BaseConverter):
    """Lets only ids of photos into a route: the form that `catalog.keys.is_id` knows."""

    regex = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


class FieldOrderJSONProvider(DefaultJSONProvider):
    """Writes fields in the order in which they are described."""

    sort_keys = False


def create_app(settings: WebSettings | None = None) -> Flask:
    """Return the application; without settings they come from the environment.

    Raises:
        ConfigurationError: the environment lacks a variable.
        NoCredentialsError: there are no AWS credentials to sign addresses with.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.json = FieldOrderJSONProvider(app)
    app.url_map.converters["image_id"] = ImageIdConverter
    # One load balancer in front, which does not set X-Forwarded-Host: believing it would believe the client.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=0)  # type: ignore[method-assign]

    backends = Backends.from_settings(settings or WebSettings.from_environ(os.environ))
    _ = backends.storage.origin  # fail now rather than at the first request when nothing can be signed
    app.extensions["backends"] = backends

    for module in (assets, compression, errors, headers, health, presentation):
        module.register(app)
    for blueprint in (gallery.blueprint, api.blueprint, health.blueprint):
        app.register_blueprint(blueprint)
    return app
