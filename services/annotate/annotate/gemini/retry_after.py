"""For how long the Gemini API asks to be left alone, in an error or in a header. What is malformed asks for nothing."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Protobuf's JSON for a duration, of which a negative one makes no sense here; a century of seconds is long enough.
_DURATION = re.compile(r"(\d{1,10}(?:\.\d{1,9})?)s", re.ASCII)
_SECONDS = re.compile(r"\d{1,10}", re.ASCII)


def asked_seconds(details: object, header: str | None, now: datetime) -> float:
    """Return the longer of the two delays that an error answer asks for, in seconds; 0 when it asks for none.

    Args:
        details: the body of the answer, as the SDK parsed it. https://google.aip.dev/193 describes RetryInfo.
        header: Retry-After, in seconds or as a date. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
        now: the time, aware.
    """
    return max(_retry_info(details), _retry_after(header or "", now))


def _retry_info(details: object) -> float:
    match details:
        case {"error": {"details": [*infos]}}:
            delays = [info.get("retryDelay") for info in infos if isinstance(info, dict)]
            matches = [_DURATION.fullmatch(delay) for delay in delays if isinstance(delay, str)]
            return max((float(match[1]) for match in matches if match), default=0)
    return 0


def _retry_after(header: str, now: datetime) -> float:
    if _SECONDS.fullmatch(header):
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return 0
    if moment.tzinfo is None:  # "-0000" says that it is UTC
        moment = moment.replace(tzinfo=UTC)
    return max(0, (moment - now).total_seconds())
