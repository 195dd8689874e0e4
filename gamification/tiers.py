"""Tiers in play: where a member stands, and when that changes by itself.

What a member has earned moves up at once and down at reviews. A tier that staff granted stands above it for as long as
it lasts.
"""

from bisect import bisect_right
from dataclasses import replace
from datetime import date, datetime, timedelta

from gamification.activity import TIER_GRANT, Activity, to_milliseconds
from gamification.draft import Draft
from gamification.effects import (
    TierGranted,
    TierMoved,
    TierReviewed,
    Why,
)
from gamification.program import Program
from gamification.program.tiers import Tiers
from gamification.state import Standing, State, TierReason, TierStep
from gamification.windows import Window, earliest, falls_below, local_day, start_of_day, total, total_from, total_up_to

MAX_TIER_STEPS = 100
"""How many moves the history of a standing keeps."""


def reached(program: Program, amount: int) -> int:
    """The position of the highest tier whose threshold ``amount`` meets."""
    return bisect_right(program.tier_thresholds, amount) - 1


def settle(draft: Draft) -> None:
    """Move the standing to where it belongs by now; upwards rung by rung."""
    tiers = draft.program.tiers
    standing = draft.standing
    if tiers is None or standing is draft.judged:
        return
    ended = standing.granted_until is not None and standing.granted_until <= draft.at
    if ended:
        draft.standing = replace(standing, granted=None, granted_until=None)
    reason, why = _judge(draft, tiers)
    visible = _visible(draft.standing, tiers)
    before = tiers.positions.get(draft.standing.tier or "")
    if visible == before:
        if reason in ("review", "program"):
            _tell_lowered(draft, tiers, why)
    elif before is None:
        earned = tiers.position(draft.standing.earned)
        _move(draft, tiers, earned, reason or "program", why)
        _climb(draft, tiers, range(earned + 1, visible + 1), reason, why)
    elif visible < before:
        _move(draft, tiers, visible, reason if reason in ("review", "program") else "grant_ended", why)
    else:
        _climb(draft, tiers, range(before + 1, visible + 1), reason, why)
    draft.judged = draft.standing


def grant(draft: Draft, activity: Activity) -> None:
    """Let staff put the member on a tier, or on none, until the end that the activity names.

    Its attributes are ``tier``, a code or an empty text, and ``until``, an instant in ISO 8601 with its zone.
    """
    tier, until = str(activity.attributes.get("tier", "")), activity.attributes.get("until")
    ends_at = to_milliseconds(datetime.fromisoformat(str(until))) if tier and until else None
    if ends_at is not None and ends_at <= draft.at:
        tier, ends_at = "", None
    held, granted = draft.standing, tier or None
    if (held.granted, held.granted_until) != (granted, ends_at):
        draft.standing = replace(held, granted=granted, granted_until=ends_at)
        draft.touch()
        draft.note(TierGranted(granted, ends_at, _staff(draft, tier)))


def next_due_at(state: State, program: Program, begins: datetime | None = None) -> datetime | None:
    """When the member's tier changes or is reviewed if nothing more happens; None if never.

    ``begins`` is when the program comes into force, where that is after ``state.as_of``: it judges by the periods of
    then. Where it puts the member elsewhere, that is at once.
    """
    tiers, standing = program.tiers, state.standing
    if tiers is None or standing.tier is None:
        return None
    at, zone = state.as_of if begins is None else max(state.as_of, begins), program.time_zone
    positions, granted = tiers.positions, _granted(standing, tiers)
    position = positions.get(standing.earned or "")
    if position is None or positions.get(standing.tier) != (visible := max(position, granted)):
        return at
    window, today = tiers.window_of(state.joined_at, zone), local_day(at, zone)
    if visible < len(program.tier_thresholds) - 1 and _rises(program, standing, window.opens(today), visible):
        return at
    ends_at = standing.granted_until if granted > position else None
    if position == 0 or tiers.downgrade.to == "never":
        return ends_at
    due = standing.grace_until
    if due is None:
        day = review_day(standing, window, today, program.tier_thresholds[position])
        due = None if day is None else at if day <= today else start_of_day(day, zone)
    return earliest(due, ends_at)


def _rises(program: Program, standing: Standing, opens: int, visible: int) -> bool:
    """Whether what is counted since a bucket is enough for more than the tier at ``visible``."""
    needed = program.tier_thresholds[visible + 1]
    return total_up_to(standing.tally, opens, needed) >= needed


def review_day(standing: Standing, window: Window, today: date, threshold: int) -> date | None:
    """The day on which the tier earned, which needs ``threshold``, is reviewed next; None if never."""
    first = date.fromordinal(standing.review_on) if standing.review_on else date.min
    if window.periodic:
        return first
    day = falls_below(standing.tally, window, today, threshold)
    if day is None and total(standing.tally, window, today) >= threshold:
        return None
    return max(day or today, first)


def stands_by_grant(standing: Standing, tiers: Tiers) -> bool:
    """Whether the member stands on their tier only because staff granted it."""
    return _granted(standing, tiers) > tiers.position(standing.earned)


def _granted(standing: Standing, tiers: Tiers) -> int:
    return tiers.position(standing.granted) if standing.granted else 0


def _visible(standing: Standing, tiers: Tiers) -> int:
    earned = tiers.position(standing.earned)
    return max(earned, tiers.position(standing.granted)) if standing.granted else earned


def _judge(draft: Draft, tiers: Tiers) -> tuple[TierReason | None, Why | None]:
    """Bring up to date what the member has earned; why it moved, None if it did not."""
    standing, program = draft.standing, draft.program
    window = tiers.window_of(draft.state.joined_at, program.time_zone)
    position = tiers.positions.get(standing.earned or "")
    most = program.tier_thresholds[-1]
    highest = reached(program, total_up_to(standing.tally, window.opens(draft.day), most))
    if position is None:
        # A tier that is no longer in the program was held by what the period before came to, too.
        held = total_from(standing.tally, window.looks_back(draft.day))
        _earn(draft, tiers, window, max(highest, reached(program, held) if standing.earned else 0), fallen=False)
        return "program" if standing.earned else "earned", None
    if highest > position:
        _earn(draft, tiers, window, highest, fallen=False)
        return "earned", None
    if position > 0 and tiers.downgrade.to != "never":
        # Nothing is due for a tier that a rolling window holds enough for, which is how it nearly always is.
        if window.periodic or highest < position or standing.grace_until is not None:
            return _review(draft, tiers, window, position)
        return None, None
    if standing.grace_until is not None:
        draft.standing = replace(standing, grace_until=None)
    return None, None


def _review(draft: Draft, tiers: Tiers, window: Window, position: int) -> tuple[TierReason | None, Why | None]:
    """Review what the member has earned if it is time to, or look again where a grace is running."""
    standing, program = draft.standing, draft.program
    if standing.grace_until is None and draft.day.toordinal() < standing.review_on:
        return None, None
    held = total_from(standing.tally, window.looks_back(draft.day))
    graceful = standing.grace_until is not None
    if held >= program.tier_thresholds[position]:
        if window.periodic or graceful:
            review_on = _next_review(tiers, window, draft.day, fallen=False)
            draft.standing = replace(standing, grace_until=None, review_on=review_on)
            draft.note(TierReviewed(tiers.levels[position].code, "kept", _why(draft, tiers, position, position, held)))
    elif not graceful and tiers.downgrade.grace_days:
        grace_until = start_of_day(draft.day + timedelta(days=tiers.downgrade.grace_days), program.time_zone)
        review_on = _next_review(tiers, window, draft.day, fallen=False)
        draft.standing = replace(standing, grace_until=grace_until, review_on=review_on)
        why = _why(draft, tiers, position, position, held)
        draft.note(TierReviewed(tiers.levels[position].code, "grace", why, grace_until))
    elif standing.grace_until is None or draft.at >= standing.grace_until:
        target = position - 1 if tiers.downgrade.to == "one_level" else reached(program, held)
        _earn(draft, tiers, window, target, fallen=True)
        return "review", _why(draft, tiers, target, position, held)
    return None, None


def _earn(draft: Draft, tiers: Tiers, window: Window, position: int, *, fallen: bool) -> None:
    review_on = _next_review(tiers, window, draft.day, fallen=fallen)
    earned = tiers.levels[position].code
    draft.standing = replace(draft.standing, earned=earned, grace_until=None, review_on=review_on)


def _next_review(tiers: Tiers, window: Window, day: date, *, fallen: bool) -> int:
    """The first day on which the tier may be reviewed after a day: with the next period, or from now on.

    Where the window is one of rolling days and a member falls a rung at a time, the next rung has a whole window.
    """
    if window.periodic:
        leaves = window.leaves(window.bucket(day))
        assert leaves is not None
        return leaves.toordinal()
    return day.toordinal() + window.days if fallen and tiers.downgrade.to == "one_level" else 0


def _climb(draft: Draft, tiers: Tiers, rungs: range, reason: TierReason | None, why: Why | None) -> None:
    earned = tiers.position(draft.standing.earned)
    for rung in rungs:
        _move(draft, tiers, rung, "granted" if rung > earned else reason or "program", why)


def _move(draft: Draft, tiers: Tiers, position: int, reason: TierReason, why: Why | None) -> None:
    tier, before = tiers.levels[position].code, draft.standing.tier
    history = (*draft.standing.history, TierStep(tier, draft.at, reason))[-MAX_TIER_STEPS:]
    draft.standing = replace(draft.standing, tier=tier, since=draft.at, history=history)
    draft.touch()
    if reason in ("granted", "grant_ended"):
        why = _staff(draft, tier)
    why = why or _why(draft, tiers, position, position, _counted(draft, tiers))
    up = before is None or position > tiers.position(before)
    draft.emit(TierMoved(before, tier, up, why, reason))


def _tell_lowered(draft: Draft, tiers: Tiers, why: Why | None) -> None:
    position = tiers.position(draft.standing.earned)
    why = why or _why(draft, tiers, position, position, _counted(draft, tiers))
    draft.note(TierReviewed(tiers.levels[position].code, "lowered", why))


def _counted(draft: Draft, tiers: Tiers) -> int:
    window = tiers.window_of(draft.state.joined_at, draft.program.time_zone)
    return total(draft.standing.tally, window, draft.day)


def _why(draft: Draft, tiers: Tiers, to: int, judged: int, amount: int) -> Why:
    """Why a member comes to the tier at ``to``: what there is of what the one ``judged`` needs."""
    counted = str(draft.program.money.to_major(amount) if tiers.metric == "spend" else amount)
    arithmetic = f"{counted} of {tiers.levels[judged].threshold} in {tiers.window}"
    return draft.why("tier", tiers.levels[to].code, arithmetic, inputs={tiers.metric: counted})


def _staff(draft: Draft, tier: str) -> Why:
    activity = draft.activity
    by_staff = activity is not None and activity.kind == TIER_GRANT
    inputs = {"reason": activity.reason or ""} if activity is not None and by_staff else {}
    return draft.why("staff" if by_staff else "clock", TIER_GRANT, tier, inputs=inputs)
