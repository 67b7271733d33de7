"""Runs uv, which is installed into a folder of this repository: nothing outside of it changes."""

import subprocess
import sys

from environments.environment import REPOSITORY, UV, Lock
from environments.project import read_project

PROGRAM = REPOSITORY / ".local" / "uv" / "bin" / "uv"
ADVICE = (
    "The set-up is not complete. Check the network and the free disk space, then run the same command again: it"
    " continues where it stopped."
)


def install_uv() -> None:
    """Install the pinned uv with pip, whose checks of hashes need no uv."""
    print("Installing uv into .local/uv", flush=True)
    target = PROGRAM.parents[1]
    options = ("--quiet", "--disable-pip-version-check", "--root-user-action", "ignore", "--require-hashes")
    _run(sys.executable, "-m", "pip", "install", *options, "--upgrade", "--target", str(target), "-r", UV.file)
    PROGRAM.touch()


def install(folder: str, lock: Lock) -> None:
    """Make an environment: exactly what its lock pins, and this repository's packages in editable mode."""
    print(f"Preparing {folder}", flush=True)
    uv("venv", "--quiet", "--allow-existing", "--python", sys.executable, folder)
    uv("pip", "sync", "--quiet", "--python", folder, "--require-hashes", lock.file)
    if editable := [word for package in lock.packages for word in ("--editable", str(package))]:
        uv("pip", "install", "--quiet", "--python", folder, "--no-deps", *editable)
    (REPOSITORY / folder / "ready").touch()


def compile_lock(lock: Lock, flags: list[str]) -> None:
    """Compile a lock. uv keeps the versions that it pins, unless `flags` has `--upgrade`."""
    print(lock.file, flush=True)
    file = f"{lock.project}/pyproject.toml"
    source = ("--group", f"{file}:{lock.group}") if lock.group else (file,)
    own = [
        word for package in lock.packages for word in ("--no-emit-package", read_project(package)["project"]["name"])
    ]
    shape = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-emit-index-url")
    uv("pip", "compile", "--quiet", *shape, *own, *lock.options, *flags, *source, "--output-file", lock.file)


def uv(*words: str) -> None:
    """Run uv at the root of the repository.

    Raises:
        SystemExit: it failed; it has said why, and this says what to do.
    """
    _run(str(PROGRAM), *words)


def _run(*command: str) -> None:
    if subprocess.run(command, cwd=REPOSITORY, check=False).returncode:
        sys.exit(ADVICE)
