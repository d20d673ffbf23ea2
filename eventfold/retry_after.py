"""Header `Retry-After` of an answer."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after(text: str) -> float | None:
    """Parse a Retry-After header, a number or a date (RFC 9110, 10.2.3), as seconds, else None."""
    if text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
