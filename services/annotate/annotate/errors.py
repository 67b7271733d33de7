"""The two families of failures.

    Exception
    ├── AnnotationRefusedError          permanent: recorded with its sentence, and acknowledged
    │   └── KeyRefusedError             the operator has to act; the key is read again for the next photo
    └── RetryableError                  raised out of the function: the platform sends the event again
        └── ModelUnavailableError       throttled or overloaded
            └── UnusableAnswerError     too slow, cut off, or an answer that is no annotation: perhaps paid for

A failure of S3, Secrets Manager or the database keeps its own class and is retryable too.
"""


class AnnotationRefusedError(Exception):
    """There will be no annotation, however often it is tried; the message tells people why, and what to do."""


class KeyRefusedError(AnnotationRefusedError):
    """The model's service does not accept the configured key."""


class RetryableError(Exception):
    """Worth another try later; the message is for the log."""


class ModelUnavailableError(RetryableError):
    """The model did not answer, or not with an annotation."""

    def __init__(self, message: str, retry_after: float = 0) -> None:
        """Keep for how many seconds the model's service asked to be left alone."""
        super().__init__(message)
        self.retry_after = retry_after


class UnusableAnswerError(ModelUnavailableError):
    """The model may have answered, which is paid for, but nothing came of it."""
