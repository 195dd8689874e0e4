"""The end of a board's period: which periods are due for closing, the final standings, and what they win. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gamification.boards.listing import Place, Row
from gamification.boards.periods import Period, period_at, period_named, previous
from gamification.boards.prizes import prize_for
from gamification.boards.scoring import KEPT_CLOSED_PERIODS
from gamification.program import Program
from gamification.program.boards import Board, Prize

CLOSING_MARGIN_SECONDS = 30
"""How long after its time a period is closed, so that what was accepted in time has been written."""
MAX_PERIODS_BACK = KEPT_CLOSED_PERIODS
"""How many closed periods of a board are looked at; of older ones, members keep no scores."""
MAX_PERIODS_MISSED = 30
"""How many older ones are looked at to tell which of them were never closed."""


@dataclass(frozen=True, slots=True)
class Due:
    """A period of a board that is to be closed, by the board as it is now."""

    board: Board
    period: Period
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """A period whose final standings have been drawn up, at ``closed_at``."""

    board: str
    period: str
    starts_at: datetime
    ends_at: datetime
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class Contender:
    """A member with a score on one board in one period and scope, as the final standings are drawn up."""

    scope: str
    member_id: str
    value: int
    columns: tuple[int, ...]
    reached_at: datetime
    listed: bool


class FinalStandings:
    """Gives everybody their final place, however many they are.

    The contenders come scope by scope, and each scope in the total order of `gamification.boards.ranking`. Who is not
    listed is counted in nobody's place, and has the place that they would have.
    """

    def __init__(self) -> None:
        self.scopes = self.listed = self.unlisted = 0
        self._scope: str | None = None
        self._value: int | None = None
        self._ahead = self._higher = 0
        self._totals: list[tuple[str, int]] = []

    def place(self, one: Contender) -> Row:
        """The final place of the one who comes next."""
        if one.scope != self._scope:
            self._end_scope()
            self.scopes += 1
            self._scope, self._value, self._ahead = one.scope, None, 0
        if one.value != self._value:
            self._value, self._higher = one.value, self._ahead
        position, shared_rank = self._ahead + 1, self._higher + 1
        self._ahead += one.listed
        self.listed += one.listed
        self.unlisted += not one.listed
        place = Place(one.value, str(position))
        return Row(one.member_id, one.value, one.columns, one.reached_at, one.listed, position, shared_rank, place)

    def take_totals(self, *, over: bool = False) -> list[tuple[str, int]]:
        """How many are listed in each scope that has come to its end since this was last asked; all, once ``over``."""
        if over:
            self._end_scope()
        totals, self._totals = self._totals, []
        return totals

    def _end_scope(self) -> None:
        if self._scope is not None:
            self._totals.append((self._scope, self._ahead))
            self._scope = None


def due_periods(program: Program, since: Mapping[str, datetime], now: datetime) -> list[Due]:
    """The periods that are to be closed by now, closed already or not: the newest first, a few of each board.

    ``since`` tells when each board came into force. What ended before that is history that was imported: it has no
    final standings and wins nothing. All time never ends.
    """
    return _over_since(program, since, now)[0]


def past_periods(program: Program, since: Mapping[str, datetime], now: datetime) -> list[Due]:
    """The periods before those that `due_periods` names. One that has not been closed yet never will be."""
    return _over_since(program, since, now)[1]


def abandoned_periods(before: Program, after: Program, at: datetime) -> list[Due]:
    """The periods with prizes that were not due yet when ``after`` came into force, and that it does not know."""
    found: list[Due] = []
    for board in before.boards:
        new = after.board_by_code.get(board.code)
        for period in _open(board, before.time_zone, at) if board.prizes else ():
            if period.ends_at and not (new and period_named(new, period.code, after.time_zone)):
                found.append(Due(board, period, period.ends_at))
    return found


def is_due(each: Due, now: datetime) -> bool:
    """Whether nothing is waited for any more."""
    return each.ends_at <= _cut(each.board, now)


def prize_won(board: Board, row: Row) -> tuple[int, Prize] | None:
    """The rank of a final place and the prize that it wins, if any. Who is not listed wins nothing."""
    rank = row.shared_rank if board.ties == "shared" else row.position
    prize = prize_for(board, rank) if row.listed else None
    return (rank, prize) if prize else None


def _over_since(program: Program, since: Mapping[str, datetime], now: datetime) -> tuple[list[Due], list[Due]]:
    """What was over and came to its end after the board came into force: the last few of each board, and the others."""
    due: list[Due] = []
    past: list[Due] = []
    for board in program.boards:
        for number, period in enumerate(_over(board, program.time_zone, now) if board.code in since else ()):
            if period.ends_at is not None and since[board.code] < period.ends_at:
                (due if number < MAX_PERIODS_BACK else past).append(Due(board, period, period.ends_at))
    return due, past


def _over(board: Board, zone: ZoneInfo, now: datetime) -> list[Period]:
    """The last periods that ended so long ago that nothing is waited for any more, newest first."""
    cut = _cut(board, now)
    most = MAX_PERIODS_BACK + MAX_PERIODS_MISSED
    if board.period == "season":
        over = [period for period in _seasons(board, zone) if period.ended(cut)]
        return sorted(over, key=lambda period: period.starts_at, reverse=True)[:most]
    running = period_at(board, cut, zone)
    over = []
    while running and len(over) < most and (running := previous(board, running, zone)):
        over.append(running)
    return over


def _open(board: Board, zone: ZoneInfo, now: datetime) -> list[Period]:
    """The periods that have begun and are not due yet, newest first."""
    cut = _cut(board, now)
    if board.period == "season":
        return [period for period in _seasons(board, zone) if period.starts_at <= now and not period.ended(cut)]
    begun: list[Period] = []
    running = period_at(board, now, zone)
    while running and not running.ended(cut):
        begun.append(running)
        running = previous(board, running, zone)
    return begun


def _cut(board: Board, now: datetime) -> datetime:
    """What ended by then is due."""
    return now - timedelta(minutes=board.late_minutes, seconds=CLOSING_MARGIN_SECONDS)


def _seasons(board: Board, zone: ZoneInfo) -> list[Period]:
    named = (period_named(board, season.code, zone) for season in board.seasons)
    return [period for period in named if period]
