"""Style sheets, scripts and icons. Their URLs contain a version that changes when any file changes.

The version is part of the path, so that a module's relative imports stay within its version.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from flask import Flask, Response, send_from_directory

_FOLDER = Path(__file__).with_name("static")
_IMMUTABLE = "public, max-age=31536000, immutable"


def init_app(app: Flask) -> None:
    """Serve the files, and give templates their URLs: `asset("gallery.css")`."""
    current = folder_version(_FOLDER)

    def asset(filename: str) -> str:
        return f"/static/{current}/{filename}"

    def serve(version: str, filename: str) -> Response:
        response = send_from_directory(_FOLDER, filename)
        # During a deployment two releases respond. Only files of this version may be cached.
        response.headers["Cache-Control"] = _IMMUTABLE if version == current else "no-cache"
        return response

    app.add_url_rule("/static/<version>/<path:filename>", view_func=serve)
    app.add_template_global(asset)


def folder_version(folder: Path) -> str:
    """Return 12 hexadecimal digits of a hash over the names and contents of a folder's files."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
