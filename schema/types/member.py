"""Member: a member as they see themself, and as staff and services see them."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated

import strawberry

from gamification import member
from gamification.fold import advance
from schema.connections import DEFAULT_PAGE_SIZE, Connection, page_of
from schema.context import Context, Info, Reading
from schema.ids import to_global_id
from schema.statement import statement
from schema.types.live import Rank
from schema.types.node import Node
from schema.types.record import LedgerEntry
from schema.types.standing import (
    MemberBadge,
    MemberChallenge,
    Points,
    TierStanding,
    badges_in_order,
    challenges_in_order,
    show_badge,
    show_challenge,
    show_points,
    show_standing,
)

MEMBER_ID = "Member"

First = Annotated[int | None, strawberry.argument(description="How many, from 0 to 100; 20 unless told.")]
After = Annotated[str | None, strawberry.argument(description="The cursor to go on from; the first page without it.")]


@strawberry.type(description="What others may see of a member.")
class Visibility:
    """What others may see of a member."""

    profile: bool = strawberry.field(description="The main switch: without it, nothing is seen.")
    avatar: bool = strawberry.field(description="Whether others see the avatar, where they see the profile.")
    tier: bool = strawberry.field(description="Whether others see the tier, where they see the profile.")
    badges: bool = strawberry.field(description="Whether others see the showcased badges, where they see the profile.")


@strawberry.type(description="What a member has reached, at some moment.")
class MemberStanding:
    """What a member has reached: points, tier, challenges and badges."""

    subject: strawberry.Private[member.Member]
    reading: strawberry.Private[Reading]

    @strawberry.field(description="The member's points.")
    def points(self) -> Points:
        """The member's points."""
        return show_points(self.subject.state)

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
            lambda challenge: show_challenge(challenge, state, reading),
            listed=f"challenges:{self.subject.member_id}",
            place=lambda challenge: challenge.code,
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
    avatar_url: str | None = strawberry.field(description="An https address of a picture; null without one.")
    language: str | None = strawberry.field(
        description="The language that the member chose; null where they chose none."
    )
    time_zone: str | None = strawberry.field(
        description="An IANA time zone such as Europe/Copenhagen; null where the member told none."
    )
    enrolled_at: datetime = strawberry.field(description="When the member joined.")
    visibility: Visibility = strawberry.field(description="What others may see of the member.")
    showcase: list[str] = strawberry.field(
        description="The codes of the badges on the public profile, in their order, up to 6."
    )

    @strawberry.field(description="The member's place on a board; null where there is none.")
    def rank(self, board: Annotated[str, strawberry.argument(description="The board's code.")]) -> Rank | None:
        """The member's place on a board: there are no boards yet."""
        return None

    @strawberry.field(description="The member's ledger, newest entry first.")
    async def statement(
        self, info: Info, first: First = DEFAULT_PAGE_SIZE, after: After = None
    ) -> Connection[LedgerEntry]:
        """The member's ledger."""
        journal = info.context.game.stores.journal
        return await statement(journal, self.subject.member_id, self.reading, first, after)


def show_member(subject: member.Member, reading: Reading) -> Member:
    """A member as of the reading's moment."""
    now = as_of_now(subject, reading)
    profile, visibility = subject.profile, subject.visibility
    return Member(
        id=to_global_id(MEMBER_ID, subject.member_id),
        subject=now,
        reading=reading,
        display_name=profile.display_name,
        loyalty_number=subject.loyalty_number,
        external_id=subject.external_id,
        handle=profile.handle,
        avatar_url=profile.avatar_url,
        language=profile.language,
        time_zone=profile.time_zone,
        enrolled_at=subject.enrolled_at,
        visibility=Visibility(
            profile=visibility.profile, avatar=visibility.avatar, tier=visibility.tier, badges=visibility.badges
        ),
        showcase=list(subject.showcase),
    )


def as_of_now(subject: member.Member, reading: Reading) -> member.Member:
    """The member with what time alone has changed since their last record."""
    state, _ = advance(subject.state, reading.now, reading.program)
    return replace(subject, state=state)


async def load_member(context: Context, member_id: str, language: str | None = None) -> Member | None:
    """A member by id, in the language that fits the request; None if there is no such member."""
    subject = await context.members.load(member_id)
    return show_member(subject, await context.reading(language, subject)) if subject else None
