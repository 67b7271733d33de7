"""Style sheets, scripts and icons, under addresses that change whenever one of them changes.

All share one version, which is part of the path: a module's relative imports stay within its version.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from flask import Flask, Response, send_from_directory, url_for

_FOLDER = Path(__file__).with_name("static")
_FOR_EVER = "public, max-age=31536000, immutable"


def register(app: Flask) -> None:
    """Serve the files, and let templates name them with `asset("gallery.css")`."""
    current = folder_version(_FOLDER)

    def asset(filename: str) -> str:
        return url_for("serve", version=current, filename=filename)

    def serve(version: str, filename: str) -> Response:
        response = send_from_directory(_FOLDER, filename)
        # During a deployment two releases answer: only this release's files may be kept under this version.
        response.headers["Cache-Control"] = _FOR_EVER if version == current else "no-cache"
        return response

    app.add_url_rule("/static/<version>/<path:filename>", view_func=serve)
    app.add_template_global(asset)


def folder_version(folder: Path) -> str:
    """Return 12 hexadecimal digits that stand for the names and contents of a folder's files."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
