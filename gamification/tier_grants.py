"""Tier grants: staff puts a member on a tier for a while, or takes it back. An activity of its own kind says so."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from gamification.activity import TIER_GRANT, Activity, Problem, Scalar, text_problems, to_milliseconds
from gamification.program import Program

MAX_GRANT_DAYS = 36_600
"""How far ahead the end of a granted tier may lie."""


def tier_grant(key: str, at: datetime, reason: str, *, tier: str | None, until: datetime | None) -> Activity:
    """What a member's journal records: they stand on the ``tier`` at least, ``until`` an instant or until withdrawn.

    Without a tier, what was granted is withdrawn. The end is kept in UTC, so that it reads the same in a retry.
    """
    attributes: dict[str, Scalar] = {"tier": tier or ""}
    if until is not None:
        near = until.tzinfo is not None and abs(until - at) <= 2 * timedelta(days=MAX_GRANT_DAYS)
        attributes["until"] = (to_milliseconds(until) if near else until).isoformat()
    return Activity(key, TIER_GRANT, at, attributes=attributes, reason=reason)


def tier_grant_problems(activity: Activity, program: Program) -> Iterator[Problem]:
    """Everything that forbids recording this grant, besides what is wrong with any activity."""
    tier, until = activity.attributes.get("tier"), activity.attributes.get("until")
    tiers = program.tiers
    if tiers is None:
        yield Problem("tier", "cannot be granted: the program has no tiers")
    elif tier and tier not in tiers.positions:
        yield Problem("tier", f"must be one of {', '.join(tiers.positions)}")
    if until is not None:
        yield from _end_problems(datetime.fromisoformat(str(until)), activity.occurred_at, withdrawn=not tier)
    if not (activity.reason or "").strip():
        yield Problem("reason", "must say why the tier is granted or withdrawn")
    yield from text_problems("reason", activity.reason or "")


def _end_problems(until: datetime, at: datetime, *, withdrawn: bool) -> Iterator[Problem]:
    if withdrawn:
        yield Problem("until", "goes with a tier; leave it out to withdraw one")
    elif until.tzinfo is None:
        yield Problem("until", "needs a time zone, such as 2026-05-01T12:00:00Z")
    elif until <= at:
        yield Problem("until", "lies in the past; it must lie ahead")
    elif until > at + timedelta(days=MAX_GRANT_DAYS):
        yield Problem("until", f"lies more than {MAX_GRANT_DAYS} days ahead")
