"""Executable shell scripts for tests."""

from pathlib import Path


def write_script(path: Path, text: str = "") -> None:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
