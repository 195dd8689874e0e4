"""Streaks in play: periods in a row in which a member did what counts, in their own time zone.

A period counts once, and never after a later one did, so that a day lived twice adds nothing. One that is missed is
judged when it is over in the zone that the member then has. Periods that may be missed, since they were paused or cut
short, are not judged by themselves: they are passed over when the next period counts or is judged.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from gamification.activity import STREAK_PAUSE, Activity
from gamification.draft import Draft
from gamification.effects import StreakMoved, StreakReached
from gamification.program import Program
from gamification.program.base import Reward
from gamification.program.streaks import Streak
from gamification.state import PeriodFate, State, StreakState
from gamification.streak_pauses import pause
from gamification.streak_periods import bridged, ends_at, first_judged, following, lived, period_of
from gamification.windows import local_day

MAX_PERIODS = 60
"""How many decided periods a state remembers of each streak."""
_MAX_UNDER_WAY = 3
"""An instant falls on at most three dates on earth: so many periods may be under way for someone who travels."""
NOT_BEGUN = StreakState()


def count(draft: Draft, activity: Activity) -> None:
    """Let an activity count towards every streak that listens to it, or let a planned pause take effect."""
    if activity.kind == STREAK_PAUSE:
        pause(draft, activity)
        return
    for streak in draft.program.streaks_by_kind.get(activity.kind, ()):
        _judge(draft, streak)  # this very activity may have taken the member past the end of a period
        _count(draft, streak, activity.kind)


def pass_time(draft: Draft) -> None:
    """Use freezes, and break streaks, whose time has come."""
    for streak in draft.program.streaks:
        _judge(draft, streak)


def next_due_at(state: State, program: Program) -> datetime | None:
    """When time alone changes a streak next; None if never."""
    if not state.streaks:
        return None
    zone = program.zone_of(state.time_zone)
    dues = (
        ends_at(streak, first_judged(streak, held, zone), zone)
        for streak in program.streaks
        if (held := state.streaks.get(streak.code)) and held.length
    )
    return min(dues, default=None)


def zone_changed(draft: Draft, before: ZoneInfo, after: ZoneInfo) -> None:
    """Note how much of the days at hand is over, as the member has gone from one time zone to another."""
    if before.key == after.key:
        return
    for streak in draft.program.streaks:
        held = draft.streaks.get(streak.code, NOT_BEGUN)
        over = lived(held, draft.at, before)
        draft.streaks[streak.code] = replace(held, zone_since=draft.at, lived=over)


def reward_of(program: Program, code: str, length: int) -> Reward:
    """What reaching a milestone gives."""
    streak = program.streak_by_code.get(code)
    milestone = streak.milestone_at(length) if streak else None
    return milestone.reward if milestone else Reward()


def _count(draft: Draft, streak: Streak, kind: str) -> None:
    zone, held = draft.member_zone, draft.streaks.get(streak.code, NOT_BEGUN)
    period = period_of(streak.period, local_day(draft.happened_at, zone).toordinal())
    if held.last is not None and period <= held.last:
        return
    if draft.happened_at != draft.at and period != period_of(streak.period, local_day(draft.at, zone).toordinal()):
        return  # it took effect when it arrived, and what happened in periods that are over is decided
    met = [
        kind in condition.on and (condition.when is None or condition.when.holds(draft.values))
        for condition in streak.conditions
    ]
    if not any(met):
        return
    so_far = (*dict(held.under_way).get(period, ()), *[0] * len(met))
    times = tuple(
        min(count + hit, condition.times) for condition, count, hit in zip(streak.conditions, so_far, met, strict=False)
    )
    enough = [count >= condition.times for condition, count in zip(streak.conditions, times, strict=True)]
    if all(enough) if streak.mode == "all" else any(enough):
        _extend(draft, streak, held, period)
    else:
        under_way = {**dict(held.under_way), period: times}
        latest = tuple(sorted(under_way.items()))[-_MAX_UNDER_WAY:]
        draft.streaks[streak.code] = replace(held, under_way=latest)


def _extend(draft: Draft, streak: Streak, held: StreakState, period: int) -> None:
    length, freezes = held.length + 1, held.freezes
    arithmetic = f"{_named(streak, period)} counts: {held.length} + 1 = {length}"
    if streak.freezes:
        every = streak.freezes.every
        freezes = freezes if held.last is not None else streak.freezes.start
        if every and length % every == 0 and freezes < streak.freezes.limit:
            freezes += 1
            arithmetic += "; 1 freeze gained"
    longest = max(length, held.longest)
    decided = _decided(streak, held, period, "done")
    draft.streaks[streak.code] = replace(decided, length=length, longest=longest, freezes=freezes)
    why = draft.why(
        "streak", streak.code, arithmetic, inputs={"freezes": freezes, **_passed_over(streak, held, period)}
    )
    draft.emit(StreakMoved(streak.code, held.length, length, why, 0, freezes, longest))
    if streak.milestone_at(length):
        draft.emit(StreakReached(streak.code, length, draft.why("streak", streak.code, f"{length} in a row")))


def _judge(draft: Draft, streak: Streak) -> None:
    """Let each period that is over and was missed take a freeze, or else end the streak."""
    held, zone = draft.streaks.get(streak.code, NOT_BEGUN), draft.member_zone
    while held.length and ends_at(streak, missed := first_judged(streak, held, zone), zone) <= draft.at:
        held = draft.streaks[streak.code] = _miss(draft, streak, held, missed)


def _miss(draft: Draft, streak: Streak, held: StreakState, period: int) -> StreakState:
    usable = min(held.freezes, streak.freeze_limit)
    passed_over, missed = _passed_over(streak, held, period), f"{_named(streak, period)} missed"
    if usable:
        left = held.freezes - 1
        arithmetic = f"{missed}, 1 of {usable} freezes used: {held.length} stays"
        why = draft.why("streak", streak.code, arithmetic, inputs={"freezes": left, **passed_over})
        draft.emit(StreakMoved(streak.code, held.length, held.length, why, 1, left, held.longest))
        return replace(_decided(streak, held, period, "frozen"), freezes=left)
    arithmetic = f"{missed}{', no freeze left' if streak.freezes else ''}: {held.length} ends"
    why = draft.why("streak", streak.code, arithmetic, inputs={"freezes": held.freezes, **passed_over})
    draft.emit(StreakMoved(streak.code, held.length, 0, why, 0, held.freezes, held.longest))
    return replace(_decided(streak, held, period, "missed"), length=0)


def _decided(streak: Streak, held: StreakState, period: int, fate: PeriodFate) -> StreakState:
    """The streak with a period decided, and with those before it that were passed over."""
    between: Iterable[tuple[int, PeriodFate]] = bridged(streak, held, period) if held.length else ()
    end = following(streak.period, period)
    return replace(
        held,
        last=period,
        periods=(*held.periods, *between, (period, fate))[-MAX_PERIODS:],
        under_way=tuple(each for each in held.under_way if each[0] > period),
        lived=tuple(each for each in held.lived if each[0] >= end),
    )


def _passed_over(streak: Streak, held: StreakState, period: int) -> dict[str, int]:
    """How many periods were passed over since the last decided one, by reason."""
    passed: dict[str, int] = {}
    for _, reason in bridged(streak, held, period) if held.length else ():
        passed[reason] = passed.get(reason, 0) + 1
    return passed


def _named(streak: Streak, period: int) -> str:
    """A period as people name it: day 2026-05-03, week 2026-05-04 (its Monday), month 2026-05."""
    first = date.fromordinal(period)
    return f"{streak.period} {first:%Y-%m}" if streak.period == "month" else f"{streak.period} {first.isoformat()}"
