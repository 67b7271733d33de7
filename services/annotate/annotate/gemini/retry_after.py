"""How long the Gemini API asks clients to wait, in an error or a header. Malformed values are ignored."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Protobuf's JSON for a duration, without negative ones; ten digits are enough for a century.
_DURATION = re.compile(r"(\d{1,10}(?:\.\d{1,9})?)s", re.ASCII)
_SECONDS = re.compile(r"\d{1,10}", re.ASCII)


def requested_delay(details: object, header: str | None, now: datetime) -> float:
    """Return the delay that an error response asks for, in seconds: the longer one of two, and 0 without any.

    Args:
        details: the body of the response, as parsed by the SDK. https://google.aip.dev/193 describes RetryInfo.
        header: the Retry-After header, in seconds or as a date. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
        now: the current time, with its time zone.
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
    if moment.tzinfo is None:  # "-0000" means UTC
        moment = moment.replace(tzinfo=UTC)
    return max(0, (moment - now).total_seconds())
