"""Failures of an annotation: permanent or temporary.

    Exception
    ├── AnnotationRefusedError          permanent: recorded with its message, and acknowledged
    │   └── KeyRefusedError             the operator has to act; the key is read again for the next photo
    └── RetryableError                  temporary: raised, so that Lambda delivers the event again
        └── ModelUnavailableError       the model is throttled or overloaded
            └── UnusableAnswerError     a timeout, or an unusable answer: may have been charged

Failures of S3, Secrets Manager and the database keep their own classes and are temporary, too.
"""


class AnnotationRefusedError(Exception):
    """No further attempt can succeed. The message tells the photo's owner why, and what to do."""


class KeyRefusedError(AnnotationRefusedError):
    """The model's service does not accept the configured key."""


class RetryableError(Exception):
    """A later attempt may succeed. The message is for the log."""


class ModelUnavailableError(RetryableError):
    """The model did not return an annotation."""

    def __init__(self, message: str, retry_after: float = 0) -> None:
        """Keep the delay that the model's service asks for, in seconds."""
        super().__init__(message)
        self.retry_after = retry_after


class UnusableAnswerError(ModelUnavailableError):
    """The model may have answered, and charged for it, but there is no usable annotation."""
