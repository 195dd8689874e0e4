"""Boards as a program defines them: what is measured, over which period, for whom, and what the places win."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from gamification.expressions import BoardScope, Condition, Expression, Formula
from gamification.program.base import Code, Definition, Kinds, Points, misfit, misfits
from gamification.program.texts import Text

MAX_BOARDS = 50
MAX_COLUMNS = 3
MAX_SEASONS = 50
MAX_PRIZES = 50
MAX_PRIZE_PLACE = 1000
MAX_LATE_MINUTES = 31 * 24 * 60
VALUE_SCALE = 1000
"""Values with fractions are kept in thousandths, so that they add up exactly."""
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)

Metric = Literal["points", "amount", "count", "value"]
Operator = Literal["sum", "best", "latest"]
Misfit = tuple[str, tuple[str | int, ...]]

_PLACES = re.compile(r"([1-9][0-9]{0,3})(?:-([1-9][0-9]{0,3}))?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Places:
    """Final places on a board, from ``first`` to ``last``, which counts too."""

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> "Places":
        """Read ``1`` or ``2-10``.

        Raises:
            ValueError: the text is neither, or leads beyond `MAX_PRIZE_PLACE`.
        """
        found = _PLACES.fullmatch(text)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= first <= last <= MAX_PRIZE_PLACE:
            raise ValueError(f"must be a place such as 1, or places such as 2-10, up to {MAX_PRIZE_PLACE}")
        return cls(first, last)

    def __contains__(self, place: int) -> bool:
        return self.first <= place <= self.last


def _places(value: object) -> Places:
    if isinstance(value, Places):
        return value
    try:
        return Places.parse("" if isinstance(value, bool) else str(value))
    except ValueError as error:
        raise PydanticCustomError("places", "{message}", {"message": str(error)}) from None


def _day(value: object) -> date:
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            value = date.fromisoformat(value)
        if isinstance(value, date) and FIRST_DAY <= value <= LAST_DAY:
            return value
    except ValueError:
        pass  # such as the 30th of February
    message = f"must be a day from {FIRST_DAY} to {LAST_DAY}, such as 2026-05-01"
    raise PydanticCustomError("day", "{message}", {"message": message})


Day = Annotated[date, PlainValidator(_day)]


class Season(Definition):
    """A period with dates of its own; ``ends_on`` is its last day."""

    code: Code
    name: Text
    starts_on: Day
    ends_on: Day

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.ends_on < self.starts_on:
            raise misfit("ends_on is the season's last day, and comes before its first", "ends_on")
        return self


class Column(Definition):
    """A further number that decides between equal scores; more is better."""

    metric: Metric
    operator: Operator = "sum"
    of: Formula | None = None

    @model_validator(mode="after")
    def _measured(self) -> Self:
        if fault := _measure_fault(self.metric, self.of):
            raise misfits([fault])
        return self


@dataclass(frozen=True, slots=True)
class Measure:
    """One of the numbers that a board's score is made of: what an activity is worth, and how those come together.

    Read several times for every activity, and so no `Definition`, of which each field costs ten times as much to read.
    """

    metric: Metric
    operator: Operator
    of: Expression | None

    def scale(self, decimals: int) -> int:
        """What the number is kept in: so many make one of its unit. ``decimals`` are those of the program's money."""
        if self.metric == "amount":
            return int(10**decimals)
        return VALUE_SCALE if self.of is not None and self.of.returns == "DOUBLE" else 1


class Prize(Definition):
    """What the final ``places`` of a period win: points, a badge, or both."""

    places: Annotated[Places, PlainValidator(_places)]
    points: Points = 0
    badge: Code | None = None

    @model_validator(mode="after")
    def _gives_something(self) -> Self:
        if not self.points and self.badge is None:
            raise misfit("gives nothing; give points, a badge or both")
        return self


class Board(Definition):
    """A leaderboard. Activities of the kinds ``on`` that meet ``when`` count in the period in which they happened.

    ``metric`` is what one of them is worth: the points that its record earned, its amount, 1, or the value of ``of``;
    ``operator`` makes a score of them. Higher is better. ``by`` keeps one board for every value that it gives.
    """

    code: Code
    name: Text
    description: Text | None = None
    on: Kinds
    when: Condition | None = None
    metric: Metric
    of: Formula | None = None
    operator: Operator = "sum"
    period: Literal["day", "week", "month", "season", "all_time"]
    seasons: Annotated[tuple[Season, ...], Field(max_length=MAX_SEASONS)] = ()
    by: BoardScope | None = None
    friends_only: bool = False
    ties: Literal["first_to_reach", "shared", "columns"] = "first_to_reach"
    columns: Annotated[tuple[Column, ...], Field(max_length=MAX_COLUMNS)] = ()
    prizes: Annotated[tuple[Prize, ...], Field(max_length=MAX_PRIZES)] = ()
    late_minutes: Annotated[int, Field(strict=True, ge=0, le=MAX_LATE_MINUTES)] = 15
    """How long after its end a period waits for activities that arrive late, before it is closed."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if found := list(self._faults()):
            raise misfits(found)
        return self

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """The score itself and the further columns, in the order in which they decide."""
        columns = (Measure(each.metric, each.operator, each.of) for each in self.columns)
        return (Measure(self.metric, self.operator, self.of), *columns)

    @cached_property
    def season_by_code(self) -> dict[str, Season]:
        """Every season by its code."""
        return {season.code: season for season in self.seasons}

    def scale(self, decimals: int) -> int:
        """What a score is kept in: so many make one of its unit. ``decimals`` are those of the program's money."""
        return self.measures[0].scale(decimals)

    def _faults(self) -> Iterator[Misfit]:
        if fault := _measure_fault(self.metric, self.of):
            yield fault
        if (self.ties == "columns") != bool(self.columns):
            at = "columns" if self.columns else "ties"
            yield f"columns (1 to {MAX_COLUMNS} of them) and 'ties: columns' belong together", (at,)
        yield from self._season_faults()
        yield from self._prize_faults()
        if self.period == "all_time" and "late_minutes" in self.model_fields_set:
            yield "is how long a period waits after its end, and all_time has none", ("late_minutes",)

    def _season_faults(self) -> Iterator[Misfit]:
        if (self.period == "season") != bool(self.seasons):
            yield "seasons and 'period: season' belong together", ("seasons" if self.seasons else "period",)
        codes = [season.code for season in self.seasons]
        for number, code in enumerate(codes):
            if code in codes[:number]:
                yield f"another season has the code {code} already", ("seasons", number, "code")
        in_order = sorted(enumerate(self.seasons), key=lambda numbered: (numbered[1].starts_on, numbered[0]))
        for (_, first), (number, second) in pairwise(in_order):
            if second.starts_on <= first.ends_on:
                yield f"the season begins before {first.code} is over", ("seasons", number, "starts_on")

    def _prize_faults(self) -> Iterator[Misfit]:
        if self.prizes and self.period == "all_time":
            yield "prizes are for the final places of a period, and all_time has no end", ("prizes",)
        if self.prizes and self.friends_only:
            yield "a board among friends has no final places to win prizes for", ("prizes",)
        in_order = sorted(enumerate(self.prizes), key=lambda numbered: (numbered[1].places.first, numbered[0]))
        for (_, first), (number, second) in pairwise(in_order):
            if second.places.first <= first.places.last:
                yield f"place {second.places.first} has a prize already", ("prizes", number, "places")


def _measure_fault(metric: Metric, of: object | None) -> Misfit | None:
    if (metric == "value") == (of is not None):
        return None
    return "'of' says what is measured; give it for 'metric: value' only", ("of" if of is not None else "metric",)
