"""What campaigns give cause to tell those whom they are for: one has started, ends soon, runs low."""

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from itertools import pairwise

from gamification.campaigning import CampaignState, Left
from gamification.notices.broadcasts import Broadcast
from gamification.notices.notice import NoticeKind
from gamification.program.notices import Notices
from gamification.schedule import Edition
from gamification.values import value
from gamification.windows import earliest


@value(frozen=True, slots=True)
class _Fact:
    """Something to tell ``at`` an instant, of no use from ``until`` on; ``name`` tells it from others of its kind."""

    kind: NoticeKind
    at: datetime
    name: str = ""
    until: datetime | None = None
    values: Mapping[str, str | int] = field(default_factory=dict)


def campaign_broadcasts(state: CampaignState, left: Left, edition: Edition, now: datetime) -> Iterator[Broadcast]:
    """What is to be told of a campaign as it is now, with what is left of it; all of it is of use still.

    The codes are the same whenever it is asked, so what was told already is known by them.
    """
    ends_at, told = state.terms.ends_at, edition.program.notices
    for fact in _facts(state, left, told, now):
        lasting = told.declared[fact.kind]
        expires_at = earliest(fact.at + timedelta(hours=lasting.fresh_hours), fact.until, ends_at)
        if expires_at is None or expires_at > now:
            ends = ends_at.isoformat() if ends_at else ""
            yield Broadcast(
                code=f"{fact.kind}:{state.code}{fact.name}",
                kind=fact.kind,
                subject=state.code,
                at=fact.at,
                program_version=edition.version,
                values={"campaign": state.code, "ends": ends, **fact.values},
                expires_at=expires_at,
                collapse=lasting.collapse or "",
                by="clock",
            )


def _facts(state: CampaignState, left: Left, told: Notices, now: datetime) -> Iterator[_Fact]:
    ends_at = state.terms.ends_at
    if state.status != "running" or state.started_at is None or (ends_at is not None and ends_at <= now):
        return
    if told.campaign_started is not None:
        yield _Fact("campaign_started", state.started_at)
    if told.campaign_ending is not None and ends_at is not None:
        yield from _ending(told.campaign_ending.lead_hours, state.started_at, ends_at, now)
    if told.campaign_running_low is not None and state.exhausted(left) is None:
        yield from _running_low(told.campaign_running_low.percent, state, left, now)


def _ending(lead_hours: tuple[int, ...], started_at: datetime, ends_at: datetime, now: datetime) -> Iterator[_Fact]:
    """The latest lead time that has come; an earlier one is of no use any more."""
    leads = sorted(lead_hours, reverse=True)
    instants = [ends_at - timedelta(hours=lead) for lead in leads]
    for lead, (at, until) in zip(leads, pairwise((*instants, ends_at)), strict=True):
        # One that is as long as the campaign would say what its start has just said.
        if started_at < at <= now < until:
            yield _Fact("campaign_ending", at, f":{ends_at:%Y-%m-%dT%H:%M:%S}:{lead}", until)


def _running_low(percent: int, state: CampaignState, left: Left, now: datetime) -> Iterator[_Fact]:
    budget = state.terms.budget
    if budget is not None and left.points is not None and left.points * 100 <= percent * budget.points:
        values = {"percent": left.points * 100 // budget.points}
        yield _Fact("campaign_running_low", now, f":{budget.points}", values=values)
