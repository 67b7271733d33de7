"""The two families of failures.

    Exception
    ├── AnnotationRefusedError      permanent: recorded with its sentence, and acknowledged
    │   └── KeyRefusedError         the operator has to act; the key is read again for the next photo
    └── RetryableError              raised out of the function: the platform sends the event again
        ├── BusyError               another delivery is at work on the same photo
        └── ModelUnavailableError   throttled, overloaded, too slow, cut off, or an answer that is no annotation

A failure of S3, Secrets Manager or the database keeps its own class and is retryable too.
"""


class AnnotationRefusedError(Exception):
    """There will be no annotation, however often it is tried; the message tells people why, and what to do."""


class KeyRefusedError(AnnotationRefusedError):
    """The model's service does not accept the configured key."""


class RetryableError(Exception):
    """Worth another try later; the message is for the log."""


class BusyError(RetryableError):
    """Another delivery holds the photo's claim."""


class ModelUnavailableError(RetryableError):
    """The model did not answer, or not with an annotation."""
