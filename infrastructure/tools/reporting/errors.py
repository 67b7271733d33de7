"""Errors that people can act on."""


class ReportingError(Exception):
    """A report could not be written to GitHub; the message names the cause and what to do."""
