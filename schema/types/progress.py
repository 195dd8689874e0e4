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


_STATES = {each: ProgressState(each) for each in Phase}
"""By the phase that each stands for: a look-up takes a third of the time of asking the enum."""


@strawberry.type(description="A mark on a progress bar.")
class Milestone:
    """A mark on a progress bar."""

    at: float = strawberry.field(description="Where on the bar it stands, in the bar's unit.")
    label: str | None = strawberry.field(description="In the reader's language; null without a name.")
    reached: bool = strawberry.field(description="Whether the member has reached it.")


@strawberry.type(description="How far something is: `current` of `target`, in `unit`.")
class ProgressBar:
    """How far something is. Worked out field by field, since most queries ask for few of them."""

    bar: strawberry.Private[progress.ProgressBar]
    language: strawberry.Private[str]

    @strawberry.field(description="How far it is, in `unit`. On the highest tier it may exceed `target`.")
    def current(self) -> float:
        """How far it is."""
        return float(self.bar.current)

    @strawberry.field(description="What is to be reached, in `unit`.")
    def target(self) -> float:
        """What is to be reached."""
        return float(self.bar.target)

    @strawberry.field(description="What is missing, in `unit`; never below 0.")
    def remaining(self) -> float:
        """What is missing."""
        return float(self.bar.remaining)

    @strawberry.field(description="From 0 to 1.")
    def ratio(self) -> float:
        """From 0 to 1."""
        return self.bar.ratio

    @strawberry.field(description="Whole percent, rounded down: 100 means done.")
    def percent(self) -> int:
        """Whole percent, rounded down."""
        return self.bar.percent

    @strawberry.field(
        description="What is counted, in the reader's language, or a currency code; null where there is no word."
    )
    def unit(self) -> str | None:
        """What is counted."""
        return self.bar.unit.read(self.language) if self.bar.unit else None

    @strawberry.field(description='The numbers and the unit, such as "2 / 3 purchases".')
    def label(self) -> str:
        """The numbers and the unit."""
        return self.bar.label(self.language)

    @strawberry.field(description="Marks on the bar, such as tiers, levels or steps, lowest first.")
    def milestones(self) -> list[Milestone]:
        """Marks on the bar, lowest first."""
        return [
            Milestone(
                at=float(mark.at),
                label=mark.label.read(self.language) if mark.label else None,
                reached=mark.reached,
            )
            for mark in self.bar.milestones
        ]

    @strawberry.field(description="Tiers and badges are only ever ACTIVE or COMPLETED.")
    def state(self) -> ProgressState:
        """Where it stands."""
        return _STATES[self.bar.phase]

    @strawberry.field(description="When the chance, or the current period, is over; null where neither ends.")
    def ends_at(self) -> datetime | None:
        """When the chance, or the current period, is over."""
        return self.bar.ends_at


def show_progress(bar: progress.ProgressBar, reading: Reading) -> ProgressBar:
    """A progress bar as clients see it."""
    return ProgressBar(bar=bar, language=reading.language)
