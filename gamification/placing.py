"""Placing: where in a member's time an activity stands when it comes in."""

from datetime import datetime, timedelta

from gamification.activity import ADJUSTMENT, ATTRIBUTES, ENROLMENT, OWN_KINDS, Problem, to_milliseconds
from gamification.program.definition import Late
from gamification.requests import RecordRequest
from gamification.state import Moment, State

_ON_ARRIVAL = OWN_KINDS | {ADJUSTMENT, ATTRIBUTES}
"""Kinds that take effect when they come in, whatever their time says: what is given or taken at the counter."""
_TICK = timedelta(milliseconds=1)


def too_late(request: RecordRequest, arrived_at: datetime, late: Late) -> Problem | None:
    """Why an activity is refused that comes in so long after it happened; None if it is not."""
    if not request.timed or late.beyond != "refuse" or request.activity.kind in _ON_ARRIVAL | {ENROLMENT}:
        return None
    if request.activity.occurred_at >= arrived_at - timedelta(days=late.within_days):
        return None
    return Problem("occurredAt", f"lies back by more than {late.within_days} days, which is too late")


def place_of(request: RecordRequest, arrived_at: datetime, state: State, late: Late) -> datetime:
    """The instant at which an activity stands: when it happened, or when it came in if that is too long after it."""
    activity = request.activity
    occurred_at = min(activity.occurred_at, arrived_at)
    if activity.kind in _ON_ARRIVAL or not request.timed:
        return after_all(occurred_at, activity.key, state)
    if activity.kind == ENROLMENT or occurred_at >= arrived_at - timedelta(days=late.within_days):
        return max(occurred_at, state.joined_at)
    return after_all(arrived_at, activity.key, state)


def after_all(at: datetime, key: str, state: State) -> datetime:
    """The first instant from ``at`` on that lies after all that the state knows of."""
    at, newest = max(at, state.as_of), state.newest
    return at if newest is None or Moment(at, key) > newest else to_milliseconds(newest.at) + _TICK


def is_in_order(moment: Moment, state: State) -> bool:
    """Whether a moment comes after all that the state knows of, so that nothing need be played again."""
    return moment.at >= state.as_of and (state.newest is None or moment > state.newest)
