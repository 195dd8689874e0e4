"""The decision about one push: now, later, or never. It is made anew at every moment it is put off to."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from gamification.delivery.hours import next_at, quiet_until
from gamification.delivery.preferences import Wishes
from gamification.notices.notice import Notice, NoticeKind
from gamification.values import value
from gamification.windows import local_day

STALE_AFTER = timedelta(days=7)
"""So long after what it tells of, no push is made, whatever the notice itself says."""

DropReason = Literal["expired", "stale", "unwanted", "cap", "collapsed"]
Waiting = Literal["quiet_hours", "best_time"]


@value(frozen=True, slots=True)
class Told:
    """A push that a member got, or is about to get, on however many devices: of which kind and when."""

    kind: NoticeKind
    at: datetime


@value(frozen=True, slots=True)
class SendNow:
    """It is to be sent now."""


@value(frozen=True, slots=True)
class Defer:
    """It is to be decided again at ``until``, and waits for that."""

    until: datetime
    waits_for: Waiting


@value(frozen=True, slots=True)
class Drop:
    """It is never to be sent."""

    reason: DropReason


Decision = SendNow | Defer | Drop


def decide(notice: Notice, wishes: Wishes, told: Sequence[Told], now: datetime) -> Decision:
    """What is to be done about a push of this notice.

    ``told`` are the pushes that the member got since a day of theirs ago at least, whichever zone they were in. None is
    ever sent within quiet hours, beyond what may be sent a day, or once it has expired or is stale. One that would have
    expired when it may be sent is dropped at once; but for the best time alone none is dropped, and it is sent sooner.
    """
    stale_at = notice.at + STALE_AFTER
    if notice.expires_at is not None and notice.expires_at <= now:
        return Drop("expired")
    if stale_at <= now:
        return Drop("stale")
    if not wishes.preferences.allow(notice.kind, "push", wishes.delivery):
        return Drop("unwanted")
    best = _best_time(notice, wishes, now)
    last = stale_at if notice.expires_at is None else min(stale_at, notice.expires_at)
    quiet = wishes.preferences.quiet_hours(wishes.delivery)
    if best is not None and (best if quiet is None else quiet_until(best, quiet, wishes.zone)) < last:
        return Defer(best, "best_time")
    if quiet is not None and (until := quiet_until(now, quiet, wishes.zone)) > now:
        if until < last:
            return Defer(until, "quiet_hours")
        return Drop("expired" if notice.expires_at is not None and notice.expires_at <= until else "stale")
    return Drop("cap") if _capped(notice, wishes, told, now) else SendNow()


def _best_time(notice: Notice, wishes: Wishes, now: datetime) -> datetime | None:
    """The best time that the notice still waits for; None where it waits for none."""
    wanted = wishes.preferences.best_time
    if wanted is None or not wishes.delivery.kind(notice.kind).at_best_time:
        return None
    best = next_at(notice.at, wanted, wishes.zone)
    return best if best > now else None


def _capped(notice: Notice, wishes: Wishes, told: Sequence[Told], now: datetime) -> bool:
    """Whether the member has had enough on the day that it is where they are."""
    today = local_day(now, wishes.zone)
    of_today = [each.kind for each in told if local_day(each.at, wishes.zone) == today]
    per_day = wishes.delivery.kind(notice.kind).per_day
    if per_day is not None and of_today.count(notice.kind) >= per_day:
        return True
    return len(of_today) >= wishes.delivery.per_day
