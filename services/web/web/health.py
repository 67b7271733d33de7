"""Answers to a load balancer, and the description of the API."""

import json
import logging
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, current_app

from catalog.database import DatabaseUnavailableError
from catalog.schema import schema_is_current
from web.backends import backends
from web.draining import DrainingWorker

logger = logging.getLogger(__name__)

blueprint = Blueprint("health", __name__)


def register(app: Flask) -> None:
    """Let an application know its version, for as long as it runs."""
    app.config["VERSION"] = read_version(Path(app.root_path).parent)


def read_version(folder: Path) -> str:
    """Return the version of the package that was unpacked into a folder, as its manifest tells; else `working tree`."""
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return "working tree"
    version: str = json.loads(manifest.read_bytes())["version"]
    return version


@blueprint.get("/healthz")
def alive() -> dict[str, str]:
    """Tell that this process answers, whatever happens to its surroundings, and while it stops, too.

    The Auto Scaling group goes by this: an instance that is restarted or lacks its database must not be replaced.
    """
    return {"status": "ok", "version": current_app.config["VERSION"]}


@blueprint.get("/readyz")
def ready() -> dict[str, str] | tuple[dict[str, Any], int]:
    """Tell whether this process can serve people: it stays, the database answers, its schema is the one we know."""
    if DrainingWorker.stopping:
        return {"status": "unavailable", "reason": "This process is stopping."}, 503
    try:
        with backends().database.connection() as connection:
            current = schema_is_current(connection)
    except DatabaseUnavailableError:
        logger.exception("not ready")
        return {"status": "unavailable", "reason": "The database cannot be reached."}, 503
    if not current:
        return {"status": "unavailable", "reason": "Migrations of the database are still to be applied."}, 503
    return {"status": "ok"}


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Answer the description of the API."""
    description = Path(current_app.root_path, "openapi.json").read_bytes()
    return Response(description, mimetype="application/json")
