"""The cloud on one machine: emulator, database, stacks, gallery."""


class LocalCloudError(Exception):
    """An operation of the local cloud failed; the message gives the reason and what to do about it."""
