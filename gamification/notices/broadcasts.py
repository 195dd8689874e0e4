"""Broadcasts: one notice to many members, told one by one in the order of their ids."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Literal

from gamification.draft import read_member
from gamification.expressions import Expression, Values
from gamification.notices.notice import Notice, NoticeKind
from gamification.program import Program
from gamification.program.campaigns import Campaign
from gamification.state import State
from gamification.values import value

BroadcastStatus = Literal["running", "paused", "done"]


@value(frozen=True, slots=True)
class Broadcast:
    """What members are told, and who. Never changes.

    ``code`` is unique for ever. ``audience`` is a condition on members, empty for everybody; where it tells of a
    campaign, ``subject``, it is for whoever may get something of that. The rest is as in `Notice`.
    """

    code: str
    kind: NoticeKind
    subject: str
    at: datetime
    program_version: int
    values: Mapping[str, str | int]
    expires_at: datetime | None
    collapse: str = ""
    audience: str = ""
    by: str = ""

    def to(self, member_id: str) -> Notice:
        """What one member is told."""
        return Notice(
            notice_id=f"{member_id}:{self.code}",
            member_id=member_id,
            kind=self.kind,
            subject=self.subject,
            at=self.at,
            program_version=self.program_version,
            values=self.values,
            expires_at=self.expires_at,
            collapse=self.collapse,
        )


@value(frozen=True, slots=True)
class Broadcasting:
    """A broadcast and how far it is: how many members were looked at, of how many, and told."""

    broadcast: Broadcast
    status: BroadcastStatus
    created_at: datetime
    looked_at: int
    told: int
    total: int
    done_at: datetime | None = None


def message_audience(source: str) -> Expression:
    """The condition on members that an audience is written as.

    Raises:
        ExpressionFault: it is none.
    """
    return Expression.compile(source, "member", ("BOOL",), "a condition")


def is_in(audience: Expression, state: State, program: Program, now: datetime) -> bool:
    """Whether a member in this state is in an audience. A condition that fails is not met."""
    return audience.holds(_values(state, program, now))


def may_get(campaign: Campaign, places: int | None, state: State, program: Program, now: datetime) -> bool:
    """Whether a member in this state may get something of a campaign that has so many ``places`` left.

    A condition that no activity of theirs could meet says no; one that depends on the activity leaves it open.
    """
    used = state.campaigns.get(campaign.code)
    if used is None and places is not None and places <= 0:
        return False
    if used is not None and campaign.caps.member is not None and used.points >= campaign.caps.member:
        return False
    return campaign.when is None or campaign.when.evaluate(_values(state, program, now)) is not False


def _values(state: State, program: Program, now: datetime) -> Values:
    return Values({"now": now}, partial(_read, state, program))


def _read(state: State, program: Program, name: str) -> Any | None:
    return read_member(state, program, name) if name.startswith("member.") else None
