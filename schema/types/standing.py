"""The challenges and badges of a member, with their progress."""

from datetime import datetime
from typing import TypeAlias

import strawberry

from gamification import program
from gamification.challenges import NOT_BEGUN, Phase, phase
from gamification.progress import badge_progress, challenge_progress, chance_ends_at
from gamification.state import State
from schema.context import Info, Reading
from schema.reasons import Reached
from schema.types.program import BadgeFace, ChallengeFace
from schema.types.progress import ProgressBar, show_progress
from schema.types.texts import words
from schema.types.why import Why, why_reached

_CHALLENGE_ORDER = (Phase.ACTIVE, Phase.LOCKED, Phase.UPCOMING, Phase.COMPLETED, Phase.ENDED)


@strawberry.type(description="A challenge as it stands for a member.")
class MemberChallenge(ChallengeFace):
    """A challenge as it stands for a member. Worked out field by field, since most queries ask for few of them."""

    state: strawberry.Private[State]
    phase: strawberry.Private[Phase]

    @strawberry.field(description="When the chance, or the current period, is over; null where neither ends.")
    def ends_at(self) -> datetime | None:
        """When the chance, or the current period, is over."""
        return chance_ends_at(self.challenge, self.reading.program, self.reading.now)

    @strawberry.field(description="How often the member has completed it.")
    def times_completed(self) -> int:
        """How often the member has completed it."""
        return self.state.challenges.get(self.challenge.code, NOT_BEGUN).completed

    @strawberry.field(description="When the member last completed it; null where they never did.")
    def completed_at(self) -> datetime | None:
        """When the member last completed it."""
        return self.state.challenges.get(self.challenge.code, NOT_BEGUN).completed_at

    @strawberry.field(description="How far the member is.")
    def progress(self) -> ProgressBar:
        """How far the member is."""
        bar = challenge_progress(self.challenge, self.state, self.reading.program, self.reading.now, self.phase)
        return show_progress(bar, self.reading)

    @strawberry.field(
        description="Why the member is so far: what moved the challenge last. Null where nothing among their latest "
        "1,000 records did."
    )
    async def why(self, info: Info) -> Why | None:
        """Why the member is so far."""
        return await why_reached(info.context, self.reading, Reached("challenge", self.challenge.code))


@strawberry.type(description="A badge as it stands for a member.")
class MemberBadge(BadgeFace):
    """A badge as it stands for a member. Worked out field by field, since most queries ask for few of them."""

    state: strawberry.Private[State]

    @strawberry.field(description="In the reader's language; null where the program gives none.")
    def description(self) -> str | None:
        """What it is for."""
        return words(self.badge.description, self.reading)

    @strawberry.field(description="The level reached; 0 for a badge not yet won.")
    def level(self) -> int:
        """The level reached."""
        return _level(self.badge, self.state)

    @strawberry.field(description="In the reader's language; null where the level has no name, or none is reached.")
    def level_name(self) -> str | None:
        """What the level reached is called."""
        level = _level(self.badge, self.state)
        return words(self.badge.levels[level - 1].name, self.reading) if level else None

    @strawberry.field(description="When the level was reached; null for a badge not yet won.")
    def earned_at(self) -> datetime | None:
        """When the level was reached."""
        held = self.state.badges.get(self.badge.code)
        return held.earned_at if held else None

    @strawberry.field(description="The way to the next level; full on the highest.")
    def progress(self) -> ProgressBar:
        """The way to the next level."""
        bar = badge_progress(self.badge, self.state, self.reading.program, self.reading.now)
        return show_progress(bar, self.reading)

    @strawberry.field(
        description="Why the member has the badge at this level. Null for a badge not yet won, and where that is not "
        "among their latest 1,000 records."
    )
    async def why(self, info: Info) -> Why | None:
        """Why the member has the badge."""
        held = self.state.badges.get(self.badge.code)
        if held is None:
            return None
        return await why_reached(info.context, self.reading, Reached("badge", self.badge.code, held.level))


def _level(badge: program.Badge, state: State) -> int:
    """The level that the member has; the highest there is, where the program has fewer by now."""
    held = state.badges.get(badge.code)
    return min(held.level, len(badge.levels)) if held else 0


StandingChallenge: TypeAlias = tuple[program.Challenge, Phase]
"""A challenge, and where it stands for a member."""


def challenges_in_order(state: State, reading: Reading) -> list[StandingChallenge]:
    """The program's challenges: open ones first, then those to come, then those done or over."""
    standing = [(each, phase(each, state, reading.program, reading.now)) for each in reading.program.challenges]
    return sorted(standing, key=lambda each: _CHALLENGE_ORDER.index(each[1]))


def show_challenge(standing: StandingChallenge, state: State, reading: Reading) -> MemberChallenge:
    """A challenge with the member's progress in it; ``state`` is that of the reading's moment."""
    challenge, stands = standing
    return MemberChallenge(challenge=challenge, state=state, reading=reading, phase=stands)


def badges_in_order(state: State, reading: Reading, *, unwon: bool) -> list[program.Badge]:
    """The badges won, latest first; with ``unwon`` the others after them, secret ones left out."""
    known = reading.program.badge_by_code
    won = sorted(((held.earned_at, code) for code, held in state.badges.items() if code in known), reverse=True)
    others = [b for b in reading.program.badges if b.code not in state.badges and not b.secret] if unwon else []
    return [known[code] for _, code in won] + others


def show_badge(badge: program.Badge, state: State, reading: Reading) -> MemberBadge:
    """A badge with the level that the member has; ``state`` is that of the reading's moment."""
    return MemberBadge(badge=badge, state=state, reading=reading)
