"""Health checks for load balancers."""

import json
import logging
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, current_app

from catalog.database import DatabaseUnavailableError
from catalog.schema import missing_migrations
from web.backends import backends
from web.draining import DrainingWorker
from web.openapi import Operation
from web.schemas import Alive, Health

logger = logging.getLogger(__name__)

blueprint = Blueprint("health", __name__)


def init_app(app: Flask) -> None:
    """Read the version of the application once."""
    app.config["VERSION"] = read_version(Path(app.root_path).parent)


def read_version(folder: Path) -> str:
    """Return the version in the manifest of an unpacked package, or `working tree` without one."""
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return "working tree"
    version: str = json.loads(manifest.read_bytes())["version"]
    return version


@blueprint.get("/healthz")
@Operation("operation", {200: Alive})
def get_health() -> dict[str, str]:
    """Check that the process is running, and get its version.

    It also succeeds while the database is unavailable or the process is stopping, so that the Auto Scaling group does
    not replace a healthy instance.
    """
    return {"status": "ok", "version": current_app.config["VERSION"]}


@blueprint.get("/readyz")
@Operation("operation", {200: Health, 503: Health})
def get_readiness() -> dict[str, str] | tuple[dict[str, Any], int]:
    """Check that the process is not stopping, and that the database responds and has the expected schema."""
    if DrainingWorker.stopping:
        return {"status": "unavailable", "reason": "This process is stopping."}, 503
    try:
        with backends().database.connection() as connection:
            current = not missing_migrations(connection)
    except DatabaseUnavailableError:
        logger.exception("not ready")
        return {"status": "unavailable", "reason": "The database cannot be reached."}, 503
    if not current:
        return {"status": "unavailable", "reason": "Migrations are missing in the database."}, 503
    return {"status": "ok"}
