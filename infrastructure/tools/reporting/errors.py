"""What can go wrong, as people are told it."""


class ReportingError(Exception):
    """Something could not be told on GitHub; the message says why and what to do."""
