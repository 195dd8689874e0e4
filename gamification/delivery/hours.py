"""Hours of the day as a member's clock shows them: those in which nobody is disturbed, and the one they like best.

The clock on the wall is what counts, so quiet hours over a change of the clocks are as the member sees them: an hour
that comes twice is quiet twice, and where the clocks jump over their end, they end with the jump.
"""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gamification.values import value
from gamification.windows import local_day

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_MAX_STEPS = 4
"""More changes of the clocks than any zone ever had within a day."""


@value(frozen=True, slots=True)
class QuietHours:
    """From ``begins`` until before ``ends``, over midnight where that is the earlier one. They are never the same."""

    begins: time
    ends: time

    def cover(self, shown: time) -> bool:
        """Whether a clock that shows this is within them."""
        if self.begins < self.ends:
            return self.begins <= shown < self.ends
        return shown >= self.begins or shown < self.ends


def quiet_until(at: datetime, quiet: QuietHours, zone: ZoneInfo) -> datetime:
    """The first instant from ``at`` on at which a clock in ``zone`` is not within quiet hours."""
    for _ in range(_MAX_STEPS):
        local = at.astimezone(zone)
        if not quiet.cover(local.time()):
            return at
        end = at + _until(local.time(), quiet.ends)
        at = end if _offset(end, zone) == _offset(at, zone) else _clocks_change(at, end, zone)
    return at


def next_at(since: datetime, wanted: time, zone: ZoneInfo) -> datetime:
    """The first instant from ``since`` on at which a clock in ``zone`` shows ``wanted``.

    On a day without that time, it is as long after the last one that day before as it would have been.
    """
    day = local_day(since, zone) - _DAY
    while True:
        for fold in (0, 1):
            instant = datetime.combine(day, wanted, tzinfo=zone).replace(fold=fold).astimezone(UTC)
            if instant >= since:
                return instant
        day += _DAY


def _until(shown: time, wanted: time) -> timedelta:
    """How long a clock that shows one time runs until it shows another, if nobody touches it."""
    return (_since_midnight(wanted) - _since_midnight(shown)) % _DAY


def _since_midnight(shown: time) -> timedelta:
    return timedelta(hours=shown.hour, minutes=shown.minute, seconds=shown.second, microseconds=shown.microsecond)


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def _clocks_change(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """The instant between the two, to the second, from which clocks go by the offset of the later one."""
    early, before = early.replace(microsecond=0), _offset(early, zone)
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) / 2).replace(microsecond=0)
        if middle <= early:
            break
        early, late = (middle, late) if _offset(middle, zone) == before else (early, middle)
    return late.replace(microsecond=0)
