"""The environment lock: one process of this machine at a time changes an environment."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.errors import BusyError


@contextmanager
def environment_lock(environment: str, folder: Path) -> Iterator[None]:
    """Hold the lock of an environment, a file in `folder`. The operating system releases it if the process dies.

    Raises:
        BusyError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{environment}.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"another process on this machine is changing {environment}; wait for it") from None
        yield
