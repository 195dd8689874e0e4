"""A member's tier: which one, the way up, what it takes to keep it, and how they came to it."""

from datetime import datetime

import strawberry

from gamification import state
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
    """Where a member stands on the tier ladder."""

    current: Tier = strawberry.field(description="The tier that the member has.")
    next: Tier | None = strawberry.field(description="The tier above it; null on the highest.")
    since: datetime | None = strawberry.field(
        description="When the member came to the tier; null before anything counted."
    )
    progress: ProgressBar = strawberry.field(description="The way to the next tier; full on the highest.")
    keep_progress: ProgressBar | None = strawberry.field(
        description="What it takes to stay: `current` is what the next review will find of what is there today, and "
        "`endsAt` when it is, or the day on which a window of rolling days would hold too little. While a grace is "
        "running, its end; for a tier that staff granted, the end of that. Null where nothing can be lost."
    )
    grace_until: datetime | None = strawberry.field(
        description="A review found too little: when the tier is lost unless enough is earned by then. Null otherwise."
    )
    granted_tier: Tier | None = strawberry.field(
        description="The tier that staff granted, which counts where it is higher than what was earned; null for none."
    )
    granted_until: datetime | None = strawberry.field(
        description="When what staff granted ends; null without an end, and where nothing is granted."
    )
    reading: strawberry.Private[Reading]
    steps: strawberry.Private[tuple[state.TierStep, ...]]
    listed: strawberry.Private[str]

    @strawberry.field(
        description="Why the member has the tier: what moved them to it. Null for the tier that they began with, and "
        "where the move is not among their latest 1,000 records."
    )
    async def why(self, info: Info) -> Why | None:
        """Why the member has the tier."""
        return await why_reached(info.context, self.reading, Reached("tier", self.current.code)) if self.since else None

    @strawberry.field(description="The member's latest 100 moves on the ladder, newest first.")
    def history(self, first: First = DEFAULT_PAGE_SIZE, after: After = None) -> Connection[TierStep]:
        """The member's moves on the ladder, newest first."""
        # Two moves may come at one instant, rung by rung, so a place is an instant and a tier.
        return page_of(
            self.steps[::-1],
            lambda step: _show_step(step, self.reading),
            listed=self.listed,
            place=lambda step: f"{step.at.isoformat()} {step.tier}",
            first=first,
            after=after,
        )


def show_standing(held: state.State, reading: Reading) -> TierStanding | None:
    """A member's tier as clients see it; None where the program has no tiers."""
    tiers, standing = reading.program.tiers, held.standing
    bar = tier_progress(held, reading.program, reading.now)
    if tiers is None or bar is None:
        return None
    position = tiers.position(standing.tier)
    following = tiers.levels[position + 1] if position + 1 < len(tiers.levels) else None
    kept = keep_progress(held, reading.program, reading.now)
    granted = reading.program.tier(standing.granted) if standing.granted in tiers.positions else None
    return TierStanding(
        current=show_tier(tiers.levels[position], reading),
        next=show_tier(following, reading) if following else None,
        since=standing.since,
        progress=show_progress(bar, reading),
        keep_progress=show_progress(kept, reading) if kept else None,
        grace_until=standing.grace_until,
        granted_tier=show_tier(granted, reading) if granted else None,
        granted_until=standing.granted_until if granted else None,
        reading=reading,
        steps=standing.history,
        listed=f"tier steps:{reading.member_id}",
    )


def _show_step(step: state.TierStep, reading: Reading) -> TierStep:
    tier = reading.program.tier(step.tier)
    return TierStep(
        code=step.tier,
        name=tier.name.read(reading.language) if tier and tier.code == step.tier else step.tier,
        at=step.at,
        reason=TierReason(step.reason),
    )
