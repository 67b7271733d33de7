"""Errors that people can act on. The command line prints the message and exits with `exit_code`."""


class ReleaseError(Exception):
    """Base class. The message names the service, file or tag and what to do."""

    exit_code = 1


class RefusedError(ReleaseError):
    """A rule of versions is broken; each line of the message is one finding."""

    exit_code = 3
