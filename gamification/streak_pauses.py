"""Pauses of streaks that a member plans ahead, within the bounds of the program."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime

from gamification.activity import STREAK_PAUSE, Activity, Problem, Scalar
from gamification.draft import Draft
from gamification.effects import PausePlanned
from gamification.program import Program
from gamification.program.streaks import Streak
from gamification.state import State, StreakState
from gamification.windows import local_day, read_day

MAX_DAYS_AHEAD = 366
"""How far ahead a pause may begin, and how long one that is over is remembered, as it counts for its year."""


def pause(draft: Draft, activity: Activity) -> None:
    """Let a planned pause take effect on the streaks it is for, as far as each of them allows it.

    It covers no day before the one on which it is recorded: what is over is decided.
    """
    today = local_day(draft.at, draft.member_zone).toordinal()
    span, reason = _span(activity.attributes), activity.reason
    if span is None:
        return
    for streak in _meant(draft.program, activity.attributes):
        held = draft.streaks.get(streak.code, StreakState())
        first, last = max(span[0], today), span[1]
        if _refusal(streak, held, first, last, today) is None:
            kept = (each for each in held.pauses if each[1] >= today - MAX_DAYS_AHEAD)
            draft.streaks[streak.code] = replace(held, pauses=tuple(sorted((*kept, (first, last)))))
            why = draft.why("streak", streak.code, told(first, last), {"reason": reason} if reason else None)
            draft.note(PausePlanned(streak.code, first, last, why))


def told(first: int, last: int) -> str:
    """A pause in words: ``paused from 2026-07-01 to 2026-07-14``."""
    return f"paused from {date.fromordinal(first)} to {date.fromordinal(last)}"


def planned_pause(
    key: str, at: datetime, first_day: str, last_day: str, *, streak: str | None = None, reason: str | None = None
) -> Activity:
    """What a member's journal records: a ``streak``, or all of them, is paused from a day to another."""
    named = {"streak": streak} if streak is not None else {}
    return Activity(key, STREAK_PAUSE, at, attributes={"from": first_day, "until": last_day, **named}, reason=reason)


def problems_of(state: State, program: Program, attributes: Mapping[str, Scalar], now: datetime) -> tuple[Problem, ...]:
    """Everything that forbids planning this pause; empty if at least one streak allows it.

    ``state`` is the member's at ``now``.
    """
    return tuple(_problems(state, program, attributes, now))


def _problems(state: State, program: Program, attributes: Mapping[str, Scalar], now: datetime) -> Iterator[Problem]:
    code, span = attributes.get("streak"), _span(attributes)
    if code is not None and code not in program.streak_by_code:
        yield Problem("streak", "is none of the program's streaks")
    elif not program.streaks:
        yield Problem("streak", "cannot be paused: the program has none")
    for name in ("from", "until"):
        if read_day(attributes.get(name)) is None:
            yield Problem(name, "must be a day such as 2026-05-01")
    streaks = _meant(program, attributes)
    if span is None or not streaks:
        return
    today = local_day(now, program.zone_of(state.time_zone)).toordinal()
    first = max(span[0], today)
    refusals = [_refusal(each, state.streaks.get(each.code, StreakState()), first, span[1], today) for each in streaks]
    found = [refusal for refusal in refusals if refusal is not None]
    if len(found) == len(streaks):
        yield found[0]


def _meant(program: Program, attributes: Mapping[str, Scalar]) -> tuple[Streak, ...]:
    """The streak that is named; all without a name."""
    code = attributes.get("streak")
    return tuple(streak for streak in program.streaks if code in (None, streak.code))


def _refusal(streak: Streak, held: StreakState, first: int, last: int, today: int) -> Problem | None:
    """Why a streak does not allow a pause from the day ``first``, which is not over, to the day ``last``."""
    bounds = streak.member_pauses
    if bounds is None:
        return Problem("streak", "cannot be paused by members")
    if last < first:
        return Problem("until", "lies before the pause begins, or is over")
    if first > today + MAX_DAYS_AHEAD:
        return Problem("from", f"lies more than {MAX_DAYS_AHEAD} days ahead")
    if last - first >= bounds.max_days:
        return Problem("until", f"makes {last - first + 1} days; a pause has at most {bounds.max_days}")
    year = date.fromordinal(first).year
    if sum(date.fromordinal(begun).year == year for begun, _ in held.pauses) >= bounds.per_year:
        return Problem("from", f"is the start of one pause too many; {bounds.per_year} may begin in a year")
    return None


def _span(attributes: Mapping[str, Scalar]) -> tuple[int, int] | None:
    first, last = read_day(attributes.get("from")), read_day(attributes.get("until"))
    return None if first is None or last is None else (first.toordinal(), last.toordinal())
