"""Stores files of a job for later jobs, as actions/upload-artifact and actions/download-artifact do.

https://github.com/actions/upload-artifact#usage, https://github.com/actions/download-artifact#usage. The inputs are
environment variables; each artifact is a folder in `STAND_IN`.
"""

import fnmatch
import os
import shutil
import sys
from pathlib import Path

ARTIFACTS = Path(os.environ["STAND_IN"], "artifacts")


def upload() -> str:
    """Store the files in `PATHS` as a new artifact.

    Names are relative to the common parent of the paths, up to the first wildcard.

    Returns:
        Why the step fails, or an empty string.
    """
    choices = [_chosen(line.strip()) for line in os.environ["PATHS"].splitlines() if line.strip()]
    files = {file for _, found in choices for file in found}
    if not files:
        complaint = f"No files were found with the provided path: {os.environ['PATHS'].strip()}"
        return complaint if os.environ["IF_NO_FILES_FOUND"] == "error" else ""
    base = os.path.commonpath([root if root.is_dir() else root.parent for root, _ in choices])
    artifact = ARTIFACTS / os.environ["NAME"]
    if os.environ["OVERWRITE"] == "true":
        shutil.rmtree(artifact, ignore_errors=True)
    if artifact.exists():
        return f"an artifact with the name {artifact.name} already exists"
    for file in files:
        target = artifact / file.relative_to(base)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    return ""


def _chosen(line: str) -> tuple[Path, list[Path]]:
    """Return the part of a path or pattern before its first wildcard, and the matching files."""
    parts = Path(line).parts
    wild = next((index for index, part in enumerate(parts) if set(part) & set("*?[")), len(parts))
    root = Path(*parts[:wild]).absolute()
    found = root.glob(str(Path(*parts[wild:]))) if wild < len(parts) else iter([root])
    files = [file for one in found for file in [one, *one.rglob("*")] if file.is_file()]
    above = len(root.parent.parts)
    hidden = os.environ["HIDDEN"] == "true"
    return root, [file for file in files if hidden or not any(part.startswith(".") for part in file.parts[above:])]


def download() -> str:
    """Copy one artifact to the folder `TARGET`, or several: each to its own folder unless they are merged.

    Returns:
        Why the step fails, or an empty string.
    """
    target = Path(os.environ["TARGET"])
    if name := os.environ["NAME"]:
        if not (ARTIFACTS / name).is_dir():
            return f"Artifact not found for name: {name}"
        shutil.copytree(ARTIFACTS / name, target, dirs_exist_ok=True)
        return ""
    for artifact in sorted(ARTIFACTS.glob("*")):
        if fnmatch.fnmatchcase(artifact.name, os.environ["PATTERN"] or "*"):
            place = target if os.environ["MERGE"] == "true" else target / artifact.name
            shutil.copytree(artifact, place, dirs_exist_ok=True)
    return ""


if __name__ == "__main__":
    sys.exit({"upload": upload, "download": download}[sys.argv[1]]() or 0)
