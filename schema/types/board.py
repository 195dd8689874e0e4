"""Boards as clients see them: what they rank by, their periods, and what the places win."""

from datetime import datetime
from enum import Enum

import strawberry

from gamification.boards.closing import ClosedPeriod
from gamification.boards.periods import Period, period_at
from gamification.program import boards
from schema.connections import DEFAULT_PAGE_SIZE, Connection, connection_of, page_size
from schema.context import Context, Info, Reading
from schema.types.arguments import After, First
from schema.types.texts import words


@strawberry.enum(description="What decides between equal scores.")
class Ties(Enum):
    """What decides between equal scores."""

    FIRST_TO_REACH = strawberry.enum_value("first_to_reach", description="Who had the score first is ahead.")
    SHARED = strawberry.enum_value("shared", description="They share the rank, as in 1, 1, 3.")
    COLUMNS = strawberry.enum_value("columns", description="The further columns, and then who was first.")


@strawberry.type(description="A period of a board.")
class BoardPeriod:
    """A period of a board."""

    code: str = strawberry.field(
        description='Its name, such as "2026-05-01", "2026-W20", "2026-05", the code of a season, or "all".'
    )
    starts_at: datetime | None = strawberry.field(description="When it begins; null for all time.")
    ends_at: datetime | None = strawberry.field(description="When it is over; null for all time.")


@strawberry.type(description="What the final places of a period win.")
class BoardPrize:
    """What the final places of a period win."""

    first_place: int = strawberry.field(description="The first place that wins it.")
    last_place: int = strawberry.field(description="The last place that wins it.")
    points: int = strawberry.field(description="Points; 0 where it is a badge alone.")
    badge: str | None = strawberry.field(description="The code of a badge; null where it is points alone.")


@strawberry.type(description="A leaderboard of the program.")
class Board:
    """A leaderboard of the program."""

    code: str = strawberry.field(description="What to ask for.")
    name: str = strawberry.field(description="In the reader's language.")
    description: str | None = strawberry.field(description="In the reader's language; null without one.")
    ties: Ties = strawberry.field(description="What decides between equal scores.")
    scoped: bool = strawberry.field(description="Whether there is one for each value of something, to give as `scope`.")
    friends_only: bool = strawberry.field(description="Whether it ranks a member among their friends only.")
    prizes: list[BoardPrize] = strawberry.field(description="What the final places win, the best first.")
    period: BoardPeriod | None = strawberry.field(description="The period that runs now; null between seasons.")

    @strawberry.field(description="The periods with final standings, newest first, to give as `period`.")
    async def periods(
        self, info: Info, first: First = DEFAULT_PAGE_SIZE, after: After = None
    ) -> Connection[BoardPeriod]:
        """The periods with final standings, newest first."""
        return await closed_periods(info.context, self.code, first, after)


async def closed_periods(context: Context, board: str, first: int | None, after: str | None) -> Connection[BoardPeriod]:
    """The periods of a board that have final standings, newest first.

    Raises:
        CallerError: a page too large, or a cursor of something else.
    """
    size, listed = page_size(first), f"periods:{board}"
    passed = await context.game.cursors.open(listed, after) if after is not None else None
    found = await context.game.stores.standings.closed_periods(board, size + 1, passed)
    shown = found[:size]
    seal = await context.game.cursors.sealer(listed)
    nodes = [_show_closed(period) for period in shown]
    return connection_of(nodes, lambda at: seal(shown[at].period), has_next=len(found) > size, after=after)


def show_board(board: boards.Board, reading: Reading) -> Board:
    """A board as clients see it, with the period that runs."""
    return Board(
        code=board.code,
        name=board.name.read(reading.language),
        description=words(board.description, reading),
        ties=Ties(board.ties),
        scoped=board.by is not None,
        friends_only=board.friends_only,
        prizes=[
            BoardPrize(
                first_place=prize.places.first, last_place=prize.places.last, points=prize.points, badge=prize.badge
            )
            for prize in board.prizes
        ],
        period=show_period(period_at(board, reading.now, reading.program.time_zone)),
    )


def show_period(period: Period | None) -> BoardPeriod | None:
    """A period as clients see it."""
    if period is None:
        return None
    # All time has begun before anything could be recorded; the time that stands for that is nobody's business.
    starts_at = None if period.ends_at is None else period.starts_at
    return BoardPeriod(code=period.code, starts_at=starts_at, ends_at=period.ends_at)


def _show_closed(period: ClosedPeriod) -> BoardPeriod:
    return BoardPeriod(code=period.period, starts_at=period.starts_at, ends_at=period.ends_at)
