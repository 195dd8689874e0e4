"""ProgressBar: the one shape of every progress."""

from datetime import datetime
from enum import Enum

import strawberry

from gamification import progress
from gamification.challenges import Phase
from schema.context import Reading


@strawberry.enum(description="Where a progress stands for a member.")
class ProgressState(Enum):
    """Where a progress stands for a member."""

    LOCKED = strawberry.enum_value(Phase.LOCKED, description="Something else has to be reached first.")
    UPCOMING = strawberry.enum_value(Phase.UPCOMING, description="It has not begun.")
    ACTIVE = strawberry.enum_value(Phase.ACTIVE, description="It counts now.")
    COMPLETED = strawberry.enum_value(
        Phase.COMPLETED, description="It is done; one that repeats per period opens again with the next."
    )
    ENDED = strawberry.enum_value(Phase.ENDED, description="The chance is over.")


@strawberry.type(description="A mark on a progress bar.")
class Milestone:
    """A mark on a progress bar."""

    at: float = strawberry.field(description="Where on the bar it stands, in the bar's unit.")
    label: str | None = strawberry.field(description="In the reader's language; null without a name.")
    reached: bool = strawberry.field(description="Whether the member has reached it.")


@strawberry.type(description="How far something is: `current` of `target`, in `unit`.")
class ProgressBar:
    """How far something is."""

    current: float = strawberry.field(
        description="How far it is, in `unit`. On the highest tier it may exceed `target`."
    )
    target: float = strawberry.field(description="What is to be reached, in `unit`.")
    remaining: float = strawberry.field(description="What is missing, in `unit`; never below 0.")
    ratio: float = strawberry.field(description="From 0 to 1.")
    percent: int = strawberry.field(description="Whole percent, rounded down: 100 means done.")
    unit: str | None = strawberry.field(
        description="What is counted, in the reader's language, or a currency code; null where there is no word."
    )
    label: str = strawberry.field(description='The numbers and the unit, such as "2 / 3 purchases".')
    milestones: list[Milestone] = strawberry.field(
        description="Marks on the bar, such as tiers, levels or steps, lowest first."
    )
    state: ProgressState = strawberry.field(description="Tiers and badges are only ever ACTIVE or COMPLETED.")
    ends_at: datetime | None = strawberry.field(
        description="When the chance, or the current period, is over; null where neither ends."
    )


def show_progress(bar: progress.ProgressBar, reading: Reading) -> ProgressBar:
    """A progress bar as clients see it."""
    language = reading.language
    return ProgressBar(
        current=float(bar.current),
        target=float(bar.target),
        remaining=float(bar.remaining),
        ratio=bar.ratio,
        percent=bar.percent,
        unit=bar.unit.read(language) if bar.unit else None,
        label=bar.label(language),
        milestones=[
            Milestone(at=float(mark.at), label=mark.label.read(language) if mark.label else None, reached=mark.reached)
            for mark in bar.milestones
        ],
        state=ProgressState(bar.phase),
        ends_at=bar.ends_at,
    )
