"""The challenges and badges of a member, with their progress."""

from datetime import datetime

import strawberry

from gamification import program
from gamification.challenges import NOT_BEGUN, Phase, phase
from gamification.progress import badge_progress, challenge_progress
from gamification.state import State
from schema.context import Info, Reading
from schema.reasons import Reached
from schema.scalars import BigInt
from schema.types.program import BadgeFace, ChallengeFace, Rarity
from schema.types.progress import ProgressBar, show_progress
from schema.types.texts import words
from schema.types.why import Why, why_reached

_CHALLENGE_ORDER = (Phase.ACTIVE, Phase.LOCKED, Phase.UPCOMING, Phase.COMPLETED, Phase.ENDED)


@strawberry.type(description="A challenge as it stands for a member.")
class MemberChallenge(ChallengeFace):
    """A challenge as it stands for a member."""

    ends_at: datetime | None = strawberry.field(
        description="When the chance, or the current period, is over; null where neither ends."
    )
    times_completed: int = strawberry.field(description="How often the member has completed it.")
    completed_at: datetime | None = strawberry.field(
        description="When the member last completed it; null where they never did."
    )
    progress: ProgressBar = strawberry.field(description="How far the member is.")
    reading: strawberry.Private[Reading]

    @strawberry.field(
        description="Why the member is so far: what moved the challenge last. Null where nothing among their latest "
        "1,000 records did."
    )
    async def why(self, info: Info) -> Why | None:
        """Why the member is so far."""
        return await why_reached(info.context, self.reading, Reached("challenge", self.code))


@strawberry.type(description="A badge as it stands for a member.")
class MemberBadge(BadgeFace):
    """A badge as it stands for a member."""

    description: str | None = strawberry.field(
        description="In the reader's language; null where the program gives none."
    )
    level: int = strawberry.field(description="The level reached; 0 for a badge not yet won.")
    level_name: str | None = strawberry.field(
        description="In the reader's language; null where the level has no name, or none is reached."
    )
    earned_at: datetime | None = strawberry.field(
        description="When the level was reached; null for a badge not yet won."
    )
    progress: ProgressBar = strawberry.field(description="The way to the next level; full on the highest.")
    reading: strawberry.Private[Reading]
    held: strawberry.Private[int]

    @strawberry.field(
        description="Why the member has the badge at this level. Null for a badge not yet won, and where that is not "
        "among their latest 1,000 records."
    )
    async def why(self, info: Info) -> Why | None:
        """Why the member has the badge."""
        return (
            await why_reached(info.context, self.reading, Reached("badge", self.code, self.held)) if self.held else None
        )


def challenges_in_order(state: State, reading: Reading) -> list[program.Challenge]:
    """The program's challenges: open ones first, then those to come, then those done or over."""
    phases = {c.code: phase(c, state, reading.program, reading.now) for c in reading.program.challenges}
    return sorted(reading.program.challenges, key=lambda c: _CHALLENGE_ORDER.index(phases[c.code]))


def show_challenge(challenge: program.Challenge, state: State, reading: Reading) -> MemberChallenge:
    """A challenge with the member's progress in it."""
    bar = challenge_progress(challenge, state, reading.program, reading.now)
    held = state.challenges.get(challenge.code, NOT_BEGUN)
    return MemberChallenge(
        code=challenge.code,
        title=challenge.title.read(reading.language),
        description=words(challenge.description, reading),
        reward_points=BigInt(challenge.reward.points),
        reward_badge=challenge.reward.badge,
        ends_at=bar.ends_at,
        times_completed=held.completed,
        completed_at=held.completed_at,
        progress=show_progress(bar, reading),
        reading=reading,
    )


def badges_in_order(state: State, reading: Reading, *, unwon: bool) -> list[program.Badge]:
    """The badges won, latest first; with ``unwon`` the others after them, secret ones left out."""
    known = reading.program.badge_by_code
    won = sorted(
        (code for code in state.badges if code in known),
        key=lambda code: (state.badges[code].earned_at, code),
        reverse=True,
    )
    others = [b for b in reading.program.badges if b.code not in state.badges and not b.secret] if unwon else []
    return [known[code] for code in won] + others


def show_badge(badge: program.Badge, state: State, reading: Reading) -> MemberBadge:
    """A badge with the level that the member has."""
    held = state.badges.get(badge.code)
    level = min(held.level, len(badge.levels)) if held else 0
    return MemberBadge(
        code=badge.code,
        name=badge.name.read(reading.language),
        description=words(badge.description, reading),
        icon_url=badge.icon_url,
        rarity=Rarity(badge.rarity),
        level=level,
        level_name=words(badge.levels[level - 1].name, reading) if level else None,
        earned_at=held.earned_at if held else None,
        progress=show_progress(badge_progress(badge, state, reading.program, reading.now), reading),
        reading=reading,
        held=held.level if held else 0,
    )
