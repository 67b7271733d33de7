"""What can go wrong, as people are told it.

ReleaseError       a message names what is at fault and what to do
└── RefusedError   it can be done, and would break a rule of versions
"""


class ReleaseError(Exception):
    """The base of all; the message names the service, file or tag and what to do."""


class RefusedError(ReleaseError):
    """The versions, or what was asked for, break a rule; each line of the message is one finding."""
