"""The wall clock."""

from datetime import UTC, datetime

from gamification.activity import to_milliseconds


def utc_now() -> datetime:
    """This instant, cut to the milliseconds that the journal keeps."""
    return to_milliseconds(datetime.now(UTC))
