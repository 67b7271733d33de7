"""Child processes, ports, and MariaDB and MySQL servers: shared by the local cloud and its emulators."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


class ServerError(Exception):
    """A server cannot be installed, started or reached; the message gives the reason and what to do about it."""
