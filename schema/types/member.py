"""Member: a member as they see themself, and as staff and services see them."""

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from gamification import member
from schema.connections import DEFAULT_PAGE_SIZE, Connection, page_of
from schema.context import Context, Info, Reading, as_of_now
from schema.ids import to_global_id
from schema.inbox import Inbox, inbox
from schema.leaderboards import view_of
from schema.statement import statement
from schema.types.arguments import After, AmongFriends, First, OfBoard, OfPeriod, OfScope
from schema.types.device import Device, NotificationPreferences, devices_of, preferences_of
from schema.types.friends import BlockedMember, Friend, FriendRequest, blocked_by, friends_of, requests_of
from schema.types.leaderboard import Rank, show_rank
from schema.types.member_streak import MemberStreak, show_member_streak
from schema.types.node import Node
from schema.types.points import Points, show_points
from schema.types.record import LedgerEntry
from schema.types.standing import (
    MemberBadge,
    MemberChallenge,
    badges_in_order,
    challenges_in_order,
    show_badge,
    show_challenge,
)
from schema.types.tier import TierStanding, show_standing

MEMBER_ID = "Member"


@strawberry.enum(description="How a member appears on boards. They always see themself.")
class BoardVisibility(Enum):
    """How a member appears on boards."""

    SHOWN = strawberry.enum_value("shown", description="With what the public profile shows; without a name if nothing.")
    ALIAS = strawberry.enum_value("alias", description="Under the alias.")
    FRIENDS = strawberry.enum_value("friends", description="To friends only. It holds no public place.")
    HIDDEN = strawberry.enum_value("hidden", description="To nobody else. It holds no public place.")


@strawberry.type(description="What others may see of a member.")
class Visibility:
    """What others may see of a member."""

    profile: bool = strawberry.field(description="The main switch: without it, nothing is seen.")
    avatar: bool = strawberry.field(description="Whether others see the avatar, where they see the profile.")
    tier: bool = strawberry.field(description="Whether others see the tier, where they see the profile.")
    badges: bool = strawberry.field(description="Whether others see the showcased badges, where they see the profile.")
    board: BoardVisibility = strawberry.field(description="How the member appears on boards, whatever the others say.")


@strawberry.type(description="Something that the shop knows of a member, for campaigns and boards to ask for.")
class MemberAttribute:
    """Something that the shop knows of a member."""

    name: str = strawberry.field(description='Such as "city".')
    value: str = strawberry.field(description="Its value, up to 256 characters.")


@strawberry.type(description="What a member has reached, at some moment.")
class MemberStanding:
    """What a member has reached: points, tier, challenges, streaks and badges."""

    subject: strawberry.Private[member.Member]
    reading: strawberry.Private[Reading]

    @strawberry.field(description="The member's points.")
    def points(self) -> Points:
        """The member's points."""
        return show_points(self.subject.state, self.reading)

    @strawberry.field(description="The member's tier; null where the program has none.")
    def tier(self) -> TierStanding | None:
        """The member's tier."""
        return show_standing(self.subject.state, self.reading)

    @strawberry.field(description="The program's challenges: open ones first.")
    def challenges(self, first: First = DEFAULT_PAGE_SIZE, after: After = None) -> Connection[MemberChallenge]:
        """The program's challenges as they stand for the member."""
        state, reading = self.subject.state, self.reading
        return page_of(
            challenges_in_order(state, reading),
            lambda standing: show_challenge(standing, state, reading),
            listed=f"challenges:{self.subject.member_id}",
            place=lambda standing: standing[0].code,
            first=first,
            after=after,
        )

    @strawberry.field(description="The program's streaks, in its order, as they stand for the member.")
    def streaks(self, first: First = DEFAULT_PAGE_SIZE, after: After = None) -> Connection[MemberStreak]:
        """The program's streaks as they stand for the member."""
        state, reading = self.subject.state, self.reading
        return page_of(
            reading.program.streaks,
            lambda streak: show_member_streak(streak, state, reading),
            listed=f"streaks:{self.subject.member_id}",
            place=lambda streak: streak.code,
            first=first,
            after=after,
        )

    @strawberry.field(description="The badges won, latest first; with `unwon`, those still to win after them.")
    def badges(
        self,
        first: First = DEFAULT_PAGE_SIZE,
        after: After = None,
        unwon: Annotated[bool, strawberry.argument(description="Also those still to win, but no secret ones.")] = False,
    ) -> Connection[MemberBadge]:
        """The member's badges."""
        state, reading = self.subject.state, self.reading
        return page_of(
            badges_in_order(state, reading, unwon=unwon),
            lambda badge: show_badge(badge, state, reading),
            listed=f"badges:{self.subject.member_id}",
            place=lambda badge: badge.code,
            first=first,
            after=after,
        )


@strawberry.type(description="A member, as of now.")
class Member(MemberStanding, Node):
    """A member, as of now."""

    display_name: str = strawberry.field(
        description="How the member is addressed, up to 80 characters. Others do not see it."
    )
    loyalty_number: str = strawberry.field(
        description="The number on the member's card: 12 digits, the last of them a Luhn check digit."
    )
    external_id: str | None = strawberry.field(
        description="The shop's own number for the customer; null where it gave none."
    )
    handle: str | None = strawberry.field(
        description="The unique public name, 3 to 30 of a-z, 0-9 and _; null without one."
    )
    alias: str | None = strawberry.field(
        description="What boards call the member where they want that, up to 30 characters; null without one."
    )
    avatar_url: str | None = strawberry.field(description="An https address of a picture; null without one.")
    language: str | None = strawberry.field(
        description="The language that the member chose; null where they chose none."
    )
    time_zone: str | None = strawberry.field(
        description="An IANA time zone such as Europe/Copenhagen; null where the member told none."
    )
    birthday: str | None = strawberry.field(
        description="A date such as 1990-05-17; null where the member told none. Other members do not see it."
    )
    enrolled_at: datetime = strawberry.field(description="When the member joined.")

    @strawberry.field(description="What others may see of the member.")
    def visibility(self) -> Visibility:
        """What others may see of the member."""
        allowed = self.subject.visibility
        return Visibility(
            profile=allowed.profile,
            avatar=allowed.avatar,
            tier=allowed.tier,
            badges=allowed.badges,
            board=BoardVisibility(allowed.board),
        )

    @strawberry.field(description="The codes of the badges on the public profile, in their order, up to 6.")
    def showcase(self) -> list[str]:
        """The codes of the badges on the public profile. A badge that was taken back is shown no longer."""
        return [code for code in self.subject.showcase if code in self.subject.state.badges]

    @strawberry.field(description="The member's place on a board; null where the program has no such board.")
    async def rank(
        self,
        info: Info,
        board: OfBoard,
        *,
        scope: OfScope = None,
        period: OfPeriod = None,
        friends: AmongFriends = False,
    ) -> Rank | None:
        """The member's place on a board; None where the program has no such board."""
        view = await view_of(info.context, self.reading, board, scope, period, friends=friends)
        return await show_rank(info.context, view, self.subject.member_id) if view else None

    @strawberry.field(
        description="The loyalty numbers of other accounts of the same person merged into this one, up to 20; "
        "they lead to it since. Other members do not see it."
    )
    async def merged_accounts(self, info: Info) -> list[str]:
        """The loyalty numbers of the accounts that were merged into this one."""
        others = await info.context.members.load_many(list(self.subject.state.absorbed))
        return [other.loyalty_number for other in others if other is not None]

    @strawberry.field(description="What the shop knows of the member, by name; up to 50. Other members do not see it.")
    def attributes(self) -> list[MemberAttribute]:
        """What the shop knows of the member, in the order of their names."""
        return [
            MemberAttribute(name=name, value=value) for name, value in sorted(self.subject.state.attributes.items())
        ]

    @strawberry.field(description="The member's ledger, newest entry first.")
    async def statement(
        self, info: Info, first: First = DEFAULT_PAGE_SIZE, after: After = None
    ) -> Connection[LedgerEntry]:
        """The member's ledger."""
        journal = info.context.game.stores.journal
        return await statement(journal, self.subject.member_id, self.reading, first, after)

    @strawberry.field(
        description="The member's friends, latest first. For the member alone: null, with an error, for anybody else."
    )
    async def friends(
        self, info: Info, first: First = DEFAULT_PAGE_SIZE, after: After = None
    ) -> Connection[Friend] | None:
        """The member's friends."""
        return await friends_of(info.context, self.subject.member_id, self.reading, first, after)

    @strawberry.field(
        description="Requests that wait for an answer, the latest 1,000. For the member alone, like `friends`."
    )
    async def friend_requests(
        self,
        info: Info,
        first: First = DEFAULT_PAGE_SIZE,
        after: After = None,
        sent: Annotated[
            bool, strawberry.argument(description="Those that the member made, not those that they got.")
        ] = False,
    ) -> Connection[FriendRequest] | None:
        """Requests that wait for an answer."""
        return await requests_of(
            info.context, self.subject.member_id, self.reading, sent=sent, first=first, after=after
        )

    @strawberry.field(description="What the member was told, newest first. For the member alone, like `friends`.")
    async def inbox(self, info: Info, first: First = DEFAULT_PAGE_SIZE, after: After = None) -> Inbox | None:
        """What the member was told."""
        return await inbox(info.context, self.subject.member_id, self.reading.language, first, after)

    @strawberry.field(description="Whom the member blocks, latest first. For the member alone, like `friends`.")
    async def blocked(
        self, info: Info, first: First = DEFAULT_PAGE_SIZE, after: After = None
    ) -> Connection[BlockedMember] | None:
        """Whom the member blocks."""
        return await blocked_by(info.context, self.subject.member_id, first, after)

    @strawberry.field(
        description="The devices that the member is told on, up to 20, the one registered last first. For the member "
        "alone, like `friends`."
    )
    async def devices(self, info: Info) -> list[Device] | None:
        """The devices that the member is told on."""
        return await devices_of(info.context, self.subject.member_id)

    @strawberry.field(description="How the member wants to be told. For the member alone, like `friends`.")
    async def notification_preferences(self, info: Info) -> NotificationPreferences | None:
        """How the member wants to be told."""
        return await preferences_of(info.context, self.subject, self.reading)


def show_member(subject: member.Member, reading: Reading) -> Member:
    """A member as of the reading's moment."""
    now = as_of_now(subject, reading)
    profile = subject.profile
    return Member(
        id=to_global_id(MEMBER_ID, subject.member_id),
        subject=now,
        reading=reading,
        display_name=profile.display_name,
        loyalty_number=subject.loyalty_number,
        external_id=subject.external_id,
        handle=profile.handle,
        alias=profile.alias,
        avatar_url=profile.avatar_url,
        language=profile.language,
        time_zone=profile.time_zone,
        birthday=profile.birthday,
        enrolled_at=subject.enrolled_at,
    )


async def load_member(context: Context, member_id: str, language: str | None = None) -> Member | None:
    """A member by id, in the language that fits the request; None if there is no such member.

    The id of an account that was merged into another one leads to that.
    """
    subject = await context.member(member_id)
    return show_member(subject, await context.reading(language, subject)) if subject else None
