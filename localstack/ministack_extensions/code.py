"""Unpacks the code of a function once, instead of for each of its processes.

This saves the time for several thousand files, and keeps the bytecode that Python compiles for the next process.
Functions must not write into their code folder; Lambda does not allow that either.
"""

import hashlib
import shutil
import tempfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

from ministack.core import lambda_runtime

KEPT = 8
"""How many packages stay unpacked for the next start; older ones are deleted."""


def share_code(folder: Path) -> None:
    """Let all processes of a function use one copy of its code below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
        shutil.rmtree(old)

    class SharedCode(zipfile.ZipFile):
        def extractall(self, path: str, *_: object) -> None:  # type: ignore[override]
            """Replace an empty folder by a link to the shared copy."""
            Path(path).rmdir()
            Path(path).symlink_to(_unpacked(self, folder), target_is_directory=True)

    lambda_runtime.zipfile = SimpleNamespace(
        ZipFile=SharedCode, BadZipFile=zipfile.BadZipFile, LargeZipFile=zipfile.LargeZipFile
    )


def _unpacked(archive: zipfile.ZipFile, folder: Path) -> Path:
    with Path(str(archive.filename)).open("rb") as file:
        target = folder / hashlib.file_digest(file, "sha256").hexdigest()
    if target.is_dir():
        target.touch()
        return target
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent))
    zipfile.ZipFile.extractall(archive, unfinished)
    try:
        unfinished.rename(target)
    except OSError:  # another process of the function was faster
        shutil.rmtree(unfinished)
    return target
