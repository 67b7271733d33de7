"""Failures of an annotation: of the photo, of the configuration, or temporary.

    Exception
    ├── AnnotationRefusedError          permanent: recorded with its message, and acknowledged
    ├── PausedError                     the operator has to act: annotation pauses, and the photo stays pending
    └── RetryableError                  temporary and not billed: raised, so that Lambda delivers the event again
        └── ModelUnavailableError       the model is throttled, overloaded or silent

Failures of S3, Secrets Manager and the database keep their own classes and are temporary, too.
"""

from catalog.pause import Cause


class AnnotationRefusedError(Exception):
    """No further attempt can succeed. The message tells the photo's owner why, and what to do."""


class PausedError(Exception):
    """No photo can be annotated until the operator acts, or until a quota or budget is renewed."""

    def __init__(self, cause: Cause, detail: str, retry_after: float = 0) -> None:
        """Keep what the operator needs.

        Args:
            cause: what the operator has to solve.
            detail: status, reason and quota name in the words of the service; never the key.
            retry_after: the delay that the service asks for, in seconds.
        """
        super().__init__(f"{cause}: {detail}")
        self.cause: Cause = cause
        self.detail = detail
        self.retry_after = retry_after


class RetryableError(Exception):
    """A later attempt may succeed. The message is for the log."""


class ModelUnavailableError(RetryableError):
    """The model did not answer, or refused to answer now."""

    def __init__(self, message: str, retry_after: float = 0) -> None:
        """Keep the delay that the model's service asks for, in seconds."""
        super().__init__(message)
        self.retry_after = retry_after
