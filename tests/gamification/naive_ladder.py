"""The tier ladder a second time, day by day and from the whole list, to hold the program's own against."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from gamification.program.tiers import Tiers
from gamification.windows import local_day, start_of_day

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Counted:
    """An amount that took effect at an instant and counts on a day."""

    at: datetime
    day: date
    amount: int


@dataclass(frozen=True)
class Granted:
    """A tier (its position, 0 for none) that staff granted at an instant, until another or for good."""

    at: datetime
    position: int
    until: datetime | None


@dataclass
class NaiveLadder:
    """Walks through a member's days, one after the other, summing up all that was counted for every question."""

    tiers: Tiers
    thresholds: tuple[int, ...]
    joined_at: datetime
    zone: ZoneInfo
    earned: int | None = None
    visible: int | None = None
    grace_day: date | None = None
    protected: date | None = None
    grant: Granted | None = None
    counted: list[Counted] = field(default_factory=list)
    moves: list[tuple[datetime, int]] = field(default_factory=list)

    def walk(self, events: Sequence[Counted | Granted], until: datetime) -> None:
        """Live through the events, which are in the order of their instants, and time up to ``until``."""
        if not events:
            return
        waiting = [event for event in events if event.at <= until]
        day, last = self._day(events[0].at), self._day(until)
        while day <= last:
            begins, ends = self._start(day), self._start(day + ONE_DAY)
            if self._day(begins) == day:  # else it is one that the zone left out
                if begins <= until:
                    self._midnight(day, begins)
                while waiting and waiting[0].at < ends:
                    self._end_grant(waiting[0].at)
                    self._happen(waiting.pop(0), day)
                self._end_grant(min(until, ends - timedelta(milliseconds=1)))
            day += ONE_DAY

    def _midnight(self, day: date, at: datetime) -> None:
        if self.grant is not None and self.grant.until == at:
            self.grant = None
        if self.earned and self.tiers.downgrade.to != "never":
            enough = self._held(day) >= self.thresholds[self.earned]
            if self.grace_day is not None:
                if day >= self.grace_day:
                    self._fall(day)
            elif self._reviewed(day) and not enough:
                self.grace_day = day + self.tiers.downgrade.grace_days * ONE_DAY
                if day >= self.grace_day:
                    self._fall(day)
        self._show(at)

    def _reviewed(self, day: date) -> bool:
        window = self.tiers.window
        if window.unit == "lifetime":
            return False
        if window.unit == "rolling":
            return self.protected is None or day >= self.protected
        return self._period(day) != self._period(self._day(self._start(day) - timedelta(milliseconds=1)))

    def _fall(self, day: date) -> None:
        assert self.earned is not None
        held, window = self._held(day), self.tiers.window
        self.grace_day = None
        if self.tiers.downgrade.to == "one_level":
            self.earned -= 1
            self.protected = day + window.days * ONE_DAY if window.unit == "rolling" else None
        else:
            self.earned = self._reached(held)

    def _happen(self, event: Counted | Granted, day: date) -> None:
        if isinstance(event, Granted):
            over = event.until is not None and event.until <= event.at
            self.grant = None if over or not event.position else event
        else:
            self.counted.append(event)
        now = self._reached(sum(each.amount for each in self.counted if self._counts(each.day, day, back=0)))
        if self.earned is None or now > self.earned:
            self.earned, self.grace_day, self.protected = now, None, None
        if self.grace_day is not None and self._held(day) >= self.thresholds[self.earned]:
            self.grace_day = None
        self._show(event.at)

    def _end_grant(self, now: datetime) -> None:
        if self.grant is not None and self.grant.until is not None and self.grant.until <= now:
            ended, self.grant = self.grant.until, None
            self._show(ended)

    def _show(self, at: datetime) -> None:
        if self.earned is None:
            return
        place = max(self.earned, self.grant.position if self.grant else 0)
        if self.visible is None:
            self.visible = self.earned
            self.moves.append((at, self.earned))
        if place < self.visible:
            self.moves.append((at, place))
        self.moves += [(at, rung) for rung in range(self.visible + 1, place + 1)]
        self.visible = place

    def _held(self, day: date) -> int:
        return sum(each.amount for each in self.counted if self._counts(each.day, day, back=1))

    def _counts(self, then: date, day: date, back: int) -> bool:
        window = self.tiers.window
        if window.unit == "rolling":
            return 0 <= (day - then).days < window.days
        return self._period(day) - back <= self._period(then)

    def _reached(self, amount: int) -> int:
        return max(place for place, threshold in enumerate(self.thresholds) if threshold <= amount)

    def _period(self, day: date) -> int:
        """The number of a day's period: the one before it has the number before."""
        match self.tiers.window.unit:
            case "lifetime":
                return 0
            case "day":
                return day.toordinal()
            case "week":
                return (day.toordinal() - 1) // 7
            case "month":
                return 12 * day.year + day.month
            case "quarter":
                return 4 * day.year + (day.month + 2) // 3
            case "year":
                return day.year
        # A day after the 29th of February, or the 28th where there is none, is the 1st of March in every year.
        joined, shift = self._day(self.joined_at), timedelta()
        if (joined.month, joined.day) == (2, 29):
            shift = ONE_DAY
        joined, day = joined + shift, day + shift
        return day.year - joined.year - ((day.month, day.day) < (joined.month, joined.day))

    def grace_until(self) -> datetime | None:
        """When the tier is lost unless enough is earned by then."""
        return self._start(self.grace_day) if self.grace_day else None

    def _day(self, at: datetime) -> date:
        return local_day(at.astimezone(UTC), self.zone)

    def _start(self, day: date) -> datetime:
        return start_of_day(day, self.zone)
