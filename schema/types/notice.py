"""Notices: what a member is told of what happened and of what is about to, in words."""

from datetime import datetime
from enum import Enum

import strawberry

from gamification.notices.posted import Posted
from gamification.notices.wording import Wording, worded
from schema.context import Context, Info
from schema.ids import to_global_id
from schema.types.node import Node

NOTICE_ID = "Notice"
_MEMBER_ID = "Member"


@strawberry.enum(description="What a notice tells of.")
class NoticeKind(Enum):
    """What a notice tells of."""

    POINTS_EARNED = strawberry.enum_value("points_earned", description="Points were earned.")
    POINTS_RELEASED = strawberry.enum_value("points_released", description="Points that were pending can be spent.")
    POINTS_EXPIRING = strawberry.enum_value("points_expiring", description="Points expire soon.")
    TIER_REACHED = strawberry.enum_value("tier_reached", description="A tier was reached.")
    TIER_AT_RISK = strawberry.enum_value("tier_at_risk", description="The tier is lost soon unless more is earned.")
    BADGE_WON = strawberry.enum_value("badge_won", description="A badge was won, or a level of it.")
    CHALLENGE_ALMOST_DONE = strawberry.enum_value("challenge_almost_done", description="Little is missing.")
    CHALLENGE_DONE = strawberry.enum_value("challenge_done", description="A challenge is done.")
    STREAK_AT_RISK = strawberry.enum_value("streak_at_risk", description="A streak breaks soon.")
    RANK_GAINED = strawberry.enum_value("rank_gained", description="The rank on a board has become a better one.")
    RANK_LOST = strawberry.enum_value("rank_lost", description="The rank on a board has become a worse one.")
    BOARD_PRIZE = strawberry.enum_value("board_prize", description="A prize was won by the final place on a board.")
    CAMPAIGN_STARTED = strawberry.enum_value("campaign_started", description="A campaign has begun.")
    CAMPAIGN_ENDING = strawberry.enum_value("campaign_ending", description="A campaign ends soon.")
    CAMPAIGN_RUNNING_LOW = strawberry.enum_value("campaign_running_low", description="Little of a campaign is left.")
    BIRTHDAY = strawberry.enum_value("birthday", description="It is the member's birthday.")
    REDEMPTION_READY = strawberry.enum_value("redemption_ready", description="What was redeemed can be picked up.")
    MESSAGE = strawberry.enum_value("message", description="Staff tell something in words of their own.")


@strawberry.type(description="A number or a name that a notice tells, for apps with words of their own.")
class NoticeValue:
    """A number or a name that a notice tells."""

    name: str = strawberry.field(description='Such as "points".')
    value: str = strawberry.field(description="A whole number, a code, or a day or an instant in ISO 8601.")


@strawberry.type(description="Whom a notice is for.")
class NoticeMember:
    """Whom a notice is for."""

    id: strawberry.ID = strawberry.field(description="The member's global id.")


@strawberry.type(
    description="One thing that a member is told. It never changes, but that it is read. Its texts are in the language "
    "that was asked for, else the member's."
)
class Notice(Node):
    """One thing that a member is told."""

    posted: strawberry.Private[Posted]
    language: strawberry.Private[str | None]
    said: strawberry.Private[Wording | None] = None
    kind: NoticeKind = strawberry.field(description="What it tells of.")
    subject: str = strawberry.field(
        description='The code of the tier, badge, campaign and so on that it is about; "" for none.'
    )
    at: datetime = strawberry.field(description="When what it tells of happened, or became due.")
    expires_at: datetime | None = strawberry.field(
        description="After this it is no news any more and nobody should be told; null for never."
    )
    read_at: datetime | None = strawberry.field(description="When the member read it; null where they have not.")

    @strawberry.field(description="Whom it is for.")
    def member(self) -> NoticeMember:
        """Whom it is for."""
        return NoticeMember(id=to_global_id(_MEMBER_ID, self.posted.notice.member_id))

    @strawberry.field(description="The numbers and names that it tells, in the order of their names.")
    def values(self) -> list[NoticeValue]:
        """The numbers and names that it tells."""
        return [NoticeValue(name=name, value=str(value)) for name, value in sorted(self.posted.notice.values.items())]

    @strawberry.field(description="Its headline, on one line. Empty where the program has lost the words for it.")
    async def title(self, info: Info) -> str:
        """Its headline."""
        return (await self._wording(info.context)).title

    @strawberry.field(description="What it says.")
    async def body(self, info: Info) -> str:
        """What it says."""
        return (await self._wording(info.context)).body

    @strawberry.field(description="Where a tap leads; null for nowhere in particular.")
    async def link(self, info: Info) -> str | None:
        """Where a tap leads."""
        return (await self._wording(info.context)).link or None

    async def _wording(self, context: Context) -> Wording:
        if self.said is None:
            self.said = await wording(context, self.posted, self.language)
        return self.said


def show_notice(posted: Posted, language: str | None = None) -> Notice:
    """A notice, with its texts in a language where one is asked for, and else in the member's."""
    notice = posted.notice
    return Notice(
        id=notice_id(posted),
        posted=posted,
        language=language,
        kind=NoticeKind(notice.kind),
        subject=notice.subject,
        at=notice.at,
        expires_at=notice.expires_at,
        read_at=posted.read_at,
    )


def notice_id(posted: Posted) -> strawberry.ID:
    """The global id of a notice."""
    return to_global_id(NOTICE_ID, posted.notice.notice_id)


async def wording(context: Context, posted: Posted, language: str | None) -> Wording:
    """What a notice says, by the version of the program that it was made by."""
    notice = posted.notice
    reading = await context.reading(language, await context.members.load(notice.member_id))
    editions = reading.schedule.editions
    program = next((each.program for each in editions if each.version == notice.program_version), reading.program)
    try:
        return worded(notice, program, reading.language, reading.campaigns)
    except KeyError:  # Its version is no longer known, and the one in force has no words for it.
        return Wording(title="", body="")
