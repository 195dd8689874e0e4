"""PublicProfile: the only window on other members, showing what they allow."""

from dataclasses import field
from typing import Any

import strawberry

from gamification.member import Member
from schema.context import Context, Reading, as_of_now
from schema.ids import to_global_id
from schema.types.node import Node
from schema.types.program import BadgeFace, Tier, show_tier
from schema.types.texts import words

PROFILE_ID = "PublicProfile"


@strawberry.type(description="A badge that a member shows to others.")
class ShowcasedBadge(BadgeFace):
    """A badge that a member shows to others."""

    level: int = strawberry.field(description="The level that the member has, from 1.")
    level_name: str | None = strawberry.field(description="In the reader's language; null where the level has no name.")


@strawberry.type(description="What a member shows to others.")
class PublicProfile(Node):
    """What a member shows to others; what they keep to themself is null or empty."""

    handle: str = strawberry.field(description="The unique public name. It may change; the id does not.")
    avatar_url: str | None = strawberry.field(
        description="An https address of a picture; null without one, or where it is kept private."
    )
    subject: strawberry.Private[Member] = field(compare=False)
    reading: strawberry.Private[Reading] = field(compare=False)

    @strawberry.field(description="Null where it is kept private, or where the program has no tiers.")
    def tier(self) -> Tier | None:
        """The member's tier, where they show it."""
        if not self.subject.visibility.tier:
            return None
        tier = self.reading.program.tier(as_of_now(self.subject, self.reading).state.standing.tier)
        return show_tier(tier, self.reading) if tier else None

    @strawberry.field(description="Those that the member chose, in their order; empty where they are kept private.")
    def badges(self) -> list[ShowcasedBadge]:
        """The badges that the member shows."""
        return _showcased(as_of_now(self.subject, self.reading), self.reading) if self.subject.visibility.badges else []

    @property
    def told(self) -> tuple[Any, ...]:
        """All that it tells, to be compared with what it told before."""
        tier, badges = PublicProfile.tier(self), PublicProfile.badges(self)
        return self, tier and tier.code, tuple((each.badge.code, each.level) for each in badges)


def show_profile(member: Member, reading: Reading) -> PublicProfile | None:
    """What others may see of a member; None if that is nothing.

    An account that was merged shows nothing, and leads nowhere: others are not told that two were one person.
    """
    allowed, handle = member.visibility, member.profile.handle
    if not allowed.profile or handle is None or member.state.merged_into is not None:
        return None
    return PublicProfile(
        id=to_global_id(PROFILE_ID, member.member_id),
        handle=handle,
        avatar_url=member.profile.avatar_url if allowed.avatar else None,
        subject=member,
        reading=reading,
    )


async def profile_shown(context: Context, member: Member | None, reading: Reading) -> PublicProfile | None:
    """What the caller may see of a member; None if that is nothing, or a block stands between the two."""
    if member is None or await context.hidden.load(member.member_id):
        return None
    return show_profile(member, reading)


def _showcased(member: Member, reading: Reading) -> list[ShowcasedBadge]:
    shown = []
    for code in member.showcase:
        badge, held = reading.program.badge_by_code.get(code), member.state.badges.get(code)
        if badge and held:
            level = min(held.level, len(badge.levels))
            shown.append(
                ShowcasedBadge(
                    badge=badge,
                    reading=reading,
                    level=level,
                    level_name=words(badge.levels[level - 1].name, reading),
                )
            )
    return shown
