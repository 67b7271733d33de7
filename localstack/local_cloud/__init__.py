"""The cloud on one machine: emulator, database, stacks, gallery."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


class LocalCloudError(Exception):
    """Something stands in the way; the message says what, and what to do about it."""
