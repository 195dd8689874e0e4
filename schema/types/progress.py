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

    LOCKED = Phase.LOCKED
    UPCOMING = Phase.UPCOMING
    ACTIVE = Phase.ACTIVE
    COMPLETED = Phase.COMPLETED
    ENDED = Phase.ENDED


@strawberry.type(description="A mark on a progress bar.")
class Milestone:
    """A mark on a progress bar."""

    at: float
    label: str | None
    reached: bool


@strawberry.type(description="How far something is: `current` of `target`, in `unit`.")
class ProgressBar:
    """How far something is."""

    current: float
    target: float
    remaining: float
    ratio: float = strawberry.field(description="From 0 to 1.")
    percent: int = strawberry.field(description="Whole percent, rounded down: 100 means done.")
    unit: str | None
    label: str
    milestones: list[Milestone]
    state: ProgressState
    ends_at: datetime | None = strawberry.field(description="When the chance is over, if it ends.")


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
