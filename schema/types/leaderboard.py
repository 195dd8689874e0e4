"""Leaderboards as clients see them: a page of rows, and one member's rank."""

from collections.abc import Collection, Sequence
from functools import partial
from operator import is_
from typing import Annotated

import strawberry

from gamification import member as members
from gamification.boards.listing import Row, Unavailable
from gamification.boards.ranking import missing_to_next, percentile
from schema.connections import Connection, page_info_of
from schema.context import Context, Info
from schema.faults import BAD_USER_INPUT, CallerError
from schema.leaderboards import (
    NO_ROWS,
    BoardState,
    Page,
    View,
    around_caller,
    cursor_maker,
    is_listed,
    page_of_view,
    rank_in_view,
    visible,
)
from schema.measure import MAX_EACH_SIDE
from schema.sharing import Share
from schema.types.board import Board, BoardPeriod, show_board, show_period
from schema.types.profile import PublicProfile, show_profile


@strawberry.type(description="A line of a board.")
class LeaderboardRow:
    """A line of a board."""

    rank: int = strawberry.field(description="The place, from 1. Where ties are shared, several have the same.")
    score: float = strawberry.field(description="What the place is worked out by, in the board's unit.")
    columns: list[float] = strawberry.field(description="The further columns, where ties are decided by them.")
    name: str | None = strawberry.field(
        description="What to call the member: alias or handle, as they chose; null for one who shows no name."
    )
    is_alias: bool = strawberry.field(
        description="Whether `name` is an alias, which need not be unique and may read like another member's handle."
    )
    member: PublicProfile | None = strawberry.field(
        description="The member's public profile; null where they show nothing, or appear under an alias."
    )
    is_me: bool = strawberry.field(description="Whether this is the member who asks.")


@strawberry.type(description="A member's place on a board.")
class Rank:
    """A member's place on a board."""

    state: BoardState = strawberry.field(description="Whether the rank still moves, and whether it can be told.")
    rank: int | None = strawberry.field(
        description="The place, from 1; for a member who holds no public place, the one that they would have. Null "
        "where the member is not on the board, or the rank cannot be told."
    )
    score: float | None = strawberry.field(description="What the place is worked out by; null where there is none.")
    total: int | None = strawberry.field(description="How many are on the board; null where that cannot be told.")
    percentile: int | None = strawberry.field(
        description="How many percent of all are not ahead, rounded down: the first has 100. Null without a rank."
    )
    missing: float | None = strawberry.field(
        description="How much more score moves the member past the next place; null for the first, or without a rank."
    )
    listed: bool | None = strawberry.field(
        description="Whether others see the member in this place: all others, or among friends the friends. Null "
        "without a rank."
    )


@strawberry.type(description="A page of a board, from its top.")
class Leaderboard(Connection[LeaderboardRow]):
    """A page of a board, from its top."""

    view: strawberry.Private[View]
    share: strawberry.Private[Share | None] = None
    board: Board = strawberry.field(description="The board.")
    period: BoardPeriod | None = strawberry.field(description="The period that is shown; null between seasons.")
    scope: str | None = strawberry.field(description="The scope that is shown; null where the board has none.")
    state: BoardState = strawberry.field(description="Whether the ranks still move, and whether they can be told.")
    total: int | None = strawberry.field(description="How many are on the board; null where that cannot be told.")

    @strawberry.field(
        description="The place of the member who asks; null for everybody else. In `leaderboardChanges` it is as of "
        "that event, which the top of the board causes; `myEvents(boards:)` follows it."
    )
    async def me(self, info: Info) -> Rank | None:
        """The place of the member who asks."""
        return await show_rank(info.context, self.view, self.view.caller) if self.view.caller else None

    @strawberry.field(
        description="The member who asks with those directly before and after; empty for one who is not on the board. "
        "In `leaderboardChanges` it is as of that event, like `me`."
    )
    async def around_me(
        self,
        info: Info,
        each_side: Annotated[int, strawberry.argument(description="How many before and after, from 0 to 50.")] = 5,
    ) -> list[LeaderboardRow]:
        """The member who asks with those directly before and after."""
        if not 0 <= each_side <= MAX_EACH_SIDE:
            raise CallerError(BAD_USER_INPUT, f"eachSide is {each_side}; from 0 to {MAX_EACH_SIDE} are possible.")
        rows = await around_caller(info.context, self.view, each_side)
        return (
            [] if isinstance(rows, Unavailable) else [row for _, row in await show_rows(info.context, self.view, rows)]
        )


async def show_leaderboard(context: Context, view: View, first: int | None, after: str | None) -> Leaderboard:
    """A page of a view, as clients see it."""
    return await show_page(context, view, await page_of_view(context, view, first, after), after)


async def show_page(context: Context, view: View, page: Page | Unavailable, after: str | None = None) -> Leaderboard:
    """A page that has been read, as clients see it."""
    away = isinstance(page, Unavailable)
    read = NO_ROWS if isinstance(page, Unavailable) else page
    cursor_of = await cursor_maker(context, view) if read.rows else None
    shown = await show_rows(context, view, read.rows)

    def cursor_at(at: int) -> str:
        assert cursor_of is not None, "only a page with rows has nodes"
        return cursor_of(shown[at][0])

    # Rows that the caller may not see are passed all the same.
    last = partial(cursor_of, read.rows[-1]) if cursor_of else None
    return Leaderboard(
        view=view,
        board=show_board(view.board, view.reading),
        period=show_period(view.period),
        scope=view.scope or None,
        state=BoardState.UNAVAILABLE if away else view.state,
        total=None if away else read.total,
        cursor_at=cursor_at,
        nodes=[line for _, line in shown],
        page_info=page_info_of(len(shown), cursor_at, has_next=read.more, after=after, last=last),
    )


Shown = list[tuple[Row, LeaderboardRow]]
"""Rows, each with how it looks."""


async def show_rows(context: Context, view: View, rows: Sequence[Row]) -> Shown:
    """The rows that the caller may see, each with how it looks."""
    seen = await visible(context, view, rows)
    named = [member.member_id for _, member in seen if member.visibility.board != "alias"]
    hidden = await context.hidden_among(named)
    special = view.friends or bool(hidden) or any(row.member_id == view.caller for row, _ in seen)
    if special or not seen:
        return _show_rows(view, seen, hidden)
    # To everybody else they look the same, in their language, as long as rows and members are the very same.
    looks = context.game.tops.looks(view.key, rows)
    known: tuple[list[members.Member], Shown] | None = looks.get((view.reading.version, view.reading.language))
    subjects = [member for _, member in seen]
    if known is not None and len(known[0]) == len(subjects) and all(map(is_, known[0], subjects)):
        return known[1]
    shown = _show_rows(view, seen, hidden)
    looks[view.reading.version, view.reading.language] = (subjects, shown)
    return shown


def _show_rows(view: View, seen: Sequence[tuple[Row, members.Member]], hidden: Collection[str]) -> Shown:
    return [(row, _show_row(view, row, member, hidden=row.member_id in hidden)) for row, member in seen]


def _show_row(view: View, row: Row, member: members.Member, *, hidden: bool) -> LeaderboardRow:
    """A row as the caller sees it; ``hidden`` where a block stands between them and its member."""
    is_me, named = row.member_id == view.caller, member.visibility.board != "alias"
    profile = show_profile(member, view.reading) if named and not hidden else None
    handle = member.profile.handle if is_me or view.friends else (profile.handle if profile else None)
    scales = [column.scale(view.reading.program.money.decimals) for column in view.board.measures]
    return LeaderboardRow(
        rank=view.rank(row),
        score=row.value / scales[0],
        columns=[column / scale for column, scale in zip(row.columns, scales[1:], strict=False)],
        name=handle if named else member.profile.alias,
        is_alias=not named,
        member=profile,
        is_me=is_me,
    )


async def show_rank(context: Context, view: View, member_id: str) -> Rank:
    """A member's rank as clients see it."""
    standing = await rank_in_view(context, view, member_id)
    if isinstance(standing, Unavailable):
        return _no_rank(BoardState.UNAVAILABLE, None)
    row = standing.row
    if row is None:
        return _no_rank(view.state, standing.total)
    rank, scale = view.rank(row), view.board.measures[0].scale(view.reading.program.money.decimals)
    following = standing.higher if view.board.ties == "shared" else standing.ahead
    return Rank(
        state=view.state,
        rank=rank,
        score=row.value / scale,
        total=standing.total,
        percentile=percentile(rank, standing.total),
        missing=missing_to_next(view.board, row.value, following.value) / scale if following else None,
        listed=await is_listed(context, view, row),
    )


def _no_rank(state: BoardState, total: int | None) -> Rank:
    return Rank(state=state, rank=None, score=None, total=total, percentile=None, missing=None, listed=None)
