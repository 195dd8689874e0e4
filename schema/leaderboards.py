"""Reading leaderboards: which period, from where, and who of it the caller may see."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any

import strawberry
from strawberry.types.nodes import Directives, SelectedField, Selection

from gamification.boards.keys import BoardKey
from gamification.boards.listing import LISTED, SEEN_BY_FRIENDS, Order, Place, Rank, Row, Rows, Unavailable, row_order
from gamification.boards.periods import Period, forgotten_at, period_at, period_named
from gamification.boards.scoring import MAX_SCOPE_CHARS
from gamification.member import Member
from gamification.program import Board
from gamification.stores import Boards
from schema.connections import page_size
from schema.context import Context, Info, Reading, TopOf
from schema.faults import BAD_USER_INPUT, CallerError
from schema.permissions import FORBIDDEN, UNAUTHENTICATED
from schema.principals import Anonymous, MemberPrincipal


@strawberry.enum(description="Whether the ranks of a period still move, and whether they can be told.")
class BoardState(Enum):
    """Whether the ranks of a period still move, and whether they can be told."""

    LIVE = strawberry.enum_value("live", description="The period runs, and ranks follow within a second.")
    CLOSING = strawberry.enum_value("closing", description="The period is over; what arrives late still counts.")
    FINAL = strawberry.enum_value("final", description="The final standings, which nothing changes any more.")
    UNAVAILABLE = strawberry.enum_value(
        "unavailable", description="Ranks cannot be told just now; they come back by themselves. Ask again shortly."
    )
    NONE = strawberry.enum_value(
        "none", description="There are no ranks: it is between seasons, or the period is yet to come or long forgotten."
    )


CACHED_KEYS = 1_024
_OWN = frozenset({"me", "aroundMe"})
"""The fields of a board that are about whoever asks."""


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at: a board in one period and scope, among friends or not, and by which member.

    ``state`` is what the period is in, which does not tell whether its ranks can be read. ``period`` is None between
    seasons, and then the state is NONE.
    """

    board: Board
    period: Period | None
    state: BoardState
    scope: str
    friends: bool
    reading: Reading
    caller: str | None

    @property
    def key(self) -> BoardKey:
        """The board's key. There is a period."""
        assert self.period is not None
        return _key_of(self.board.code, self.period.code, self.scope)

    @property
    def final(self) -> bool:
        """Whether the standings are the final ones."""
        return self.state is BoardState.FINAL

    @property
    def seconds_left(self) -> float:
        """How long the period goes on; infinite where it has no end, or there is none."""
        if self.period is None or self.period.ends_at is None:
            return math.inf
        return max((self.period.ends_at - self.reading.now).total_seconds(), 0)

    @property
    def listed(self) -> str:
        """What a cursor of this view is bound to."""
        among = f"friends of {self.caller}" if self.friends else "all"
        return f"board:{self.key.text}:{'final' if self.final else 'live'}:{among}"

    def rank(self, row: Row) -> int:
        """The rank of a row, by the board's way with ties."""
        return row.shared_rank if self.board.ties == "shared" else row.position

    def boards(self, context: Context) -> Boards:
        """Where its rows are read."""
        stores = context.game.stores
        return stores.standings if self.final else stores.boards


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, how many there are in all, and whether more follow."""

    rows: Sequence[Row]
    total: int
    more: bool


_key_of = lru_cache(maxsize=CACHED_KEYS)(BoardKey)
NO_ROWS = Page((), 0, more=False)


async def view_of(
    context: Context, reading: Reading, code: str, scope: str | None, period_code: str | None, *, friends: bool
) -> View | None:
    """What a caller asks to look at; None where the program has no such board.

    Raises:
        CallerError: the scope or the period cannot be, or it is for members only.
    """
    board = reading.program.board_by_code.get(code)
    if board is None:
        return None
    _check_scope(board, scope)
    zone = reading.program.time_zone
    period = period_at(board, reading.now, zone) if period_code is None else period_named(board, period_code, zone)
    if period_code is not None and period is None:
        raise CallerError(BAD_USER_INPUT, f"The board {code} has no such period: give the code of one of its periods.")
    await context.follow_merge()
    caller = context.principal.member_id if isinstance(context.principal, MemberPrincipal) else None
    friends = friends or board.friends_only
    if friends and caller is None:
        code = UNAUTHENTICATED if isinstance(context.principal, Anonymous) else FORBIDDEN
        raise CallerError(code, "Only members have friends to be ranked among: ask as a member.")
    state = await _state(context, board, period, reading)
    return View(board, period, state, scope or "", friends, reading, caller)


async def _state(context: Context, board: Board, period: Period | None, reading: Reading) -> BoardState:
    if period is None or period.starts_at > reading.now:
        return BoardState.NONE
    if not period.ended(reading.now):
        return BoardState.LIVE
    if await context.game.stores.standings.is_closed(board.code, period.code):
        return BoardState.FINAL
    gone_at = forgotten_at(board, period)
    return BoardState.NONE if gone_at is not None and gone_at <= reading.now else BoardState.CLOSING


def begin_ranks(info: Info, reading: Reading, member_id: str) -> None:
    """Begin to read the ranks that a query asks for of ``me``, before the member is there.

    So they are read at the same moment as the member and the boards at the query's root.
    """
    for root in info.selected_fields:
        for asked in _fields(root.selections):
            if asked.name == "rank" and (key := _read_ahead(reading, asked.arguments)):
                info.context.ranks.begin((key, member_id, False))


def begin_page(
    context: Context, reading: Reading, code: str, scope: str | None, first: int | None, **others: object
) -> None:
    """Begin to read the first rows of a board before it is known who asks, and the members in them.

    Who is in them is a guess, namely whoever was the last time; the members of all others are read once the rows are
    there. ``others`` are the field's further arguments, which may need more to be told.
    """
    with suppress(CallerError):  # The field itself tells what is wrong.
        size = page_size(first)
        if key := _read_ahead(reading, {"board": code, "scope": scope, **others}):
            context.tops.begin(_top_of(key, size))
            context.members.begin(context.game.tops.probably_in(key, size))


def _read_ahead(reading: Reading, arguments: Mapping[str, Any]) -> BoardKey | None:
    """The board that a field asks for among all and as it stands now; None where it asks for something else."""
    code, scope = arguments.get("board"), arguments.get("scope")
    board = reading.program.board_by_code.get(code) if isinstance(code, str) else None
    if board is None or board.friends_only or any(map(arguments.get, ("period", "friends", "after"))):
        return None
    with suppress(CallerError):
        _check_scope(board, scope)
        period = period_at(board, reading.now, reading.program.time_zone)
        return _key_of(board.code, period.code, scope or "") if period else None
    return None


def _top_of(key: BoardKey, size: int) -> TopOf:
    return (key, max(size, 1))  # One row at least, to see whether any follow.


def asks_for_own_place(info: Info) -> bool:
    """Whether the answer to a root field that is a board shows the place of whoever asks."""
    return any(asked.name in _OWN for root in info.selected_fields for asked in _fields(root.selections))


def _fields(selections: Iterable[Selection]) -> Iterator[SelectedField]:
    for selection in selections:
        if not _included(selection.directives):
            continue
        if isinstance(selection, SelectedField):
            yield selection
        else:
            yield from _fields(selection.selections)


def _included(directives: Directives) -> bool:
    skip, include = directives.get("skip", {}), directives.get("include", {})
    return not skip.get("if") and bool(include.get("if", True))


async def page_of_view(context: Context, view: View, first: int | None, after: str | None) -> Page | Unavailable:
    """A page of the rows, from the top or from a cursor on.

    Raises:
        CallerError: a page too large, or a cursor of something else.
    """
    size = page_size(first)
    if view.state is BoardState.NONE:
        return NO_ROWS
    place = await context.game.cursors.open(view.listed, after) if after is not None else None
    if view.friends:
        found = await among_friends(context, view)
        rest = () if isinstance(found, Unavailable) else _beyond(found.rows, place)
        return found if isinstance(found, Unavailable) else Page(rest[:size], found.total, more=len(rest) > size)
    found = await _rows_after(context, view, size, _place(place))
    if isinstance(found, Unavailable):
        return found
    return Page((), found.total, more=bool(found.rows)) if size == 0 else page_of_rows(found)


async def _rows_after(context: Context, view: View, size: int, place: Place | None) -> Rows | Unavailable:
    key, first = _top_of(view.key, size)
    if view.final or place is not None:
        return await view.boards(context).top(key, first, place)
    return await context.tops.get((key, first))


def page_of_rows(found: Rows) -> Page:
    """Rows from the public order as a page."""
    return Page(found.rows, found.total, more=bool(found.rows) and found.rows[-1].position < found.total)


async def cursor_maker(context: Context, view: View) -> Callable[[Row], str]:
    """What makes the cursor of a row."""
    seal = await context.game.cursors.sealer(view.listed)
    return lambda row: seal(_place_text(view, row))


async def rank_in_view(context: Context, view: View, member_id: str) -> Rank | Unavailable:
    """Where a member stands. Among friends the total is that of the friends who are seen, and the member."""
    if view.state is BoardState.NONE:
        return Rank(None, 0)
    if not view.friends:
        return await context.ranks.get((view.key, member_id, view.final))
    found = await among_friends(context, view)
    if isinstance(found, Unavailable):
        return found
    place = next((number for number, row in enumerate(found.rows) if row.member_id == member_id), None)
    if place is None:
        return Rank(None, found.total)
    own, before = found.rows[place], found.rows[:place]
    higher = next((row for row in reversed(before) if row.value > own.value), None)
    return Rank(own, found.total, before[-1] if before else None, higher)


async def around_caller(context: Context, view: View, each_side: int) -> Sequence[Row] | Unavailable:
    """The caller's row and those before and after; empty for one who is not on the board."""
    if view.state is BoardState.NONE or view.caller is None:
        return ()
    if not view.friends:
        found = await view.boards(context).around(view.key, view.caller, each_side)
        return found if isinstance(found, Unavailable) else found.rows
    among = await among_friends(context, view)
    if isinstance(among, Unavailable):
        return among
    place = next((number for number, row in enumerate(among.rows) if row.member_id == view.caller), None)
    return () if place is None else among.rows[max(place - each_side, 0) : place + each_side + 1]


async def among_friends(context: Context, view: View) -> Rows | Unavailable:
    """The caller and those friends who let friends see them, ranked among themselves."""
    assert view.caller is not None, "a view among friends is a member's"
    friend_ids = await context.game.stores.friends.friend_ids(view.caller)
    friends = await context.members.load_many(friend_ids)
    seen = [friend.member_id for friend in friends if friend and friend.visibility.board in SEEN_BY_FRIENDS]
    found = await view.boards(context).among(view.key, (view.caller, *seen))
    return found if isinstance(found, Unavailable) else Rows(found.rows, len(found.rows))


async def is_listed(context: Context, view: View, row: Row) -> bool:
    """Whether others see a row in this view: in the public order everybody, among friends the member's friends."""
    if not view.friends:
        return row.listed
    member = await context.members.load(row.member_id)
    return member is not None and member.visibility.board in SEEN_BY_FRIENDS


async def visible(context: Context, view: View, rows: Sequence[Row]) -> list[tuple[Row, Member]]:
    """The rows that the caller may see, each with its member as MongoDB has them now.

    A board may be a moment behind: whoever has just hidden is left out here, whatever it says.
    """
    members = await context.members.load_many([row.member_id for row in rows])
    allowed = SEEN_BY_FRIENDS if view.friends else LISTED
    return [
        (row, member)
        for row, member in zip(rows, members, strict=True)
        if member is not None and (member.visibility.board in allowed or member.member_id == view.caller)
    ]


def _check_scope(board: Board, scope: str | None) -> None:
    if board.by is None and scope is not None:
        raise CallerError(BAD_USER_INPUT, f"The board {board.code} has no scopes; leave the scope out.")
    if board.by is not None and not scope:
        raise CallerError(BAD_USER_INPUT, f"The board {board.code} is kept for each value of something: give a scope.")
    if scope is not None and len(scope) > MAX_SCOPE_CHARS:
        raise CallerError(BAD_USER_INPUT, f"The scope is longer than {MAX_SCOPE_CHARS} characters, so it has no board.")


def _place_text(view: View, row: Row) -> str:
    """What a cursor holds: the place of the row, which stays what it is whoever moves."""
    if not view.friends:
        return f"{row.place.value}~{row.place.tie}"
    columns, reached_at = [-column for column in row.columns], row.reached_at.isoformat()
    return json.dumps([-row.value, columns, reached_at, row.member_id])


def _place(text: str | None) -> Place | None:
    if text is None:
        return None
    value, _, tie = text.partition("~")
    return Place(int(value), tie)


def _beyond(rows: Sequence[Row], text: str | None) -> Sequence[Row]:
    """The rows after a place among friends, who are in the order of `gamification.boards.ranking`."""
    if text is None:
        return rows
    value, columns, reached_at, member_id = json.loads(text)
    passed: Order = (value, tuple(columns), datetime.fromisoformat(reached_at), member_id)
    return [row for row in rows if row_order(row) > passed]
