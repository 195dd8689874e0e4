"""Reading what providers answer. Nothing of it is repeated but codes that are known beforehand: it may name a token."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import orjson

MAX_RETRY_AFTER_SECONDS: Final = 24 * 3600.0


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """What ``Retry-After`` asks for (RFC 9110, section 10.2.3), as seconds from now; None without a usable one."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal() and text.isascii():
        return min(float(text[:9]), MAX_RETRY_AFTER_SECONDS)
    at = http_date(text)
    if at is None:
        return None
    # Measured by the sender's own clock where it tells it, because ours may be off.
    now = http_date(headers.get("date", ""))
    seconds = at - (time.time() if now is None else now)
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def http_date(text: str) -> float | None:
    """A date of HTTP as seconds since 1970; None if it is none."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def json_object(body: bytes) -> Mapping[str, Any]:
    """The object that a body is; an empty one where it is something else."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def from_milliseconds(value: object) -> datetime | None:
    """A moment as milliseconds since 1970; None if it is none."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
