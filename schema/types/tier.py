"""A member's tier: which one, the way up, what it takes to keep it, and how they came to it."""

from datetime import datetime

import strawberry

from gamification import program, state
from gamification.progress import keep_progress, tier_progress
from schema.connections import DEFAULT_PAGE_SIZE, Connection, page_of
from schema.context import Info, Reading
from schema.reasons import Reached
from schema.types.arguments import After, First
from schema.types.effects import TierReason
from schema.types.program import Tier, show_tier
from schema.types.progress import ProgressBar, show_progress
from schema.types.why import Why, why_reached


@strawberry.type(description="A tier that a member came to.")
class TierStep:
    """A tier that a member came to."""

    code: str = strawberry.field(description="The code of the tier.")
    name: str = strawberry.field(
        description="In the reader's language; the code where the program no longer has the tier."
    )
    at: datetime = strawberry.field(description="When the member came to it.")
    reason: TierReason = strawberry.field(description="What moved the member.")


@strawberry.type(description="Where a member stands on the tier ladder.")
class TierStanding:
    """Where a member stands on the tier ladder. Worked out field by field, since most queries ask for few of them."""

    held: strawberry.Private[state.State]
    tiers: strawberry.Private[program.Tiers]
    reading: strawberry.Private[Reading]

    @strawberry.field(description="The tier that the member has.")
    def current(self) -> Tier:
        """The tier that the member has."""
        return show_tier(self.tiers.levels[self._position], self.reading)

    @strawberry.field(description="The tier above it; null on the highest.")
    def next(self) -> Tier | None:
        """The tier above it."""
        above = self._position + 1
        return show_tier(self.tiers.levels[above], self.reading) if above < len(self.tiers.levels) else None

    @strawberry.field(description="When the member came to the tier; null before anything counted.")
    def since(self) -> datetime | None:
        """When the member came to the tier."""
        return self.held.standing.since

    @strawberry.field(description="The way to the next tier; full on the highest.")
    def progress(self) -> ProgressBar:
        """The way to the next tier."""
        bar = tier_progress(self.held, self.reading.program, self.reading.now)
        assert bar is not None, "the program has tiers"
        return show_progress(bar, self.reading)

    @strawberry.field(
        description="What it takes to stay: `current` is what the next review will find of what is there today, and "
        "`endsAt` when it is, or the day on which a window of rolling days would hold too little. While a grace is "
        "running, its end; for a tier that staff granted, the end of that. Null where nothing can be lost."
    )
    def keep_progress(self) -> ProgressBar | None:
        """What it takes to stay."""
        bar = keep_progress(self.held, self.reading.program, self.reading.now)
        return show_progress(bar, self.reading) if bar else None

    @strawberry.field(
        description="A review found too little: when the tier is lost unless enough is earned by then. Null otherwise."
    )
    def grace_until(self) -> datetime | None:
        """When the tier is lost unless enough is earned by then."""
        return self.held.standing.grace_until

    @strawberry.field(
        description="The tier that staff granted, which counts where it is higher than what was earned; null for none."
    )
    def granted_tier(self) -> Tier | None:
        """The tier that staff granted."""
        granted = self._granted
        return show_tier(granted, self.reading) if granted else None

    @strawberry.field(description="When what staff granted ends; null without an end, and where nothing is granted.")
    def granted_until(self) -> datetime | None:
        """When what staff granted ends."""
        return self.held.standing.granted_until if self._granted else None

    @strawberry.field(
        description="Why the member has the tier: what moved them to it. Null for the tier that they began with, and "
        "where the move is not among their latest 1,000 records."
    )
    async def why(self, info: Info) -> Why | None:
        """Why the member has the tier."""
        reached = Reached("tier", self.tiers.levels[self._position].code)
        return await why_reached(info.context, self.reading, reached) if self.held.standing.since else None

    @strawberry.field(description="The member's latest 100 moves on the ladder, newest first.")
    def history(self, first: First = DEFAULT_PAGE_SIZE, after: After = None) -> Connection[TierStep]:
        """The member's moves on the ladder, newest first."""
        # Two moves may come at one instant, rung by rung, so a place is an instant and a tier.
        return page_of(
            self.held.standing.history[::-1],
            lambda step: _show_step(step, self.reading),
            listed=f"tier steps:{self.reading.member_id}",
            place=lambda step: f"{step.at.isoformat()} {step.tier}",
            first=first,
            after=after,
        )

    @property
    def _position(self) -> int:
        return self.tiers.position(self.held.standing.tier)

    @property
    def _granted(self) -> program.Tier | None:
        granted = self.held.standing.granted
        return self.reading.program.tier(granted) if granted in self.tiers.positions else None


def show_standing(held: state.State, reading: Reading) -> TierStanding | None:
    """A member's tier as clients see it; None where the program has no tiers. ``held`` is the reading's moment's."""
    tiers = reading.program.tiers
    return TierStanding(held=held, tiers=tiers, reading=reading) if tiers else None


def _show_step(step: state.TierStep, reading: Reading) -> TierStep:
    tier = reading.program.tier(step.tier)
    return TierStep(
        code=step.tier,
        name=tier.name.read(reading.language) if tier and tier.code == step.tier else step.tier,
        at=step.at,
        reason=TierReason(step.reason),
    )
