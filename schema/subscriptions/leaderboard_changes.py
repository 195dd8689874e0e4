"""leaderboardChanges: the top of a board, now and whenever it changes."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

from gamification.boards.listing import Rows, Unavailable
from schema.context import Context, Info
from schema.faults import BAD_USER_INPUT, CallerError
from schema.leaderboards import NO_ROWS, View, asks_for_own_place, page_of_rows, view_of
from schema.permissions import FORBIDDEN
from schema.sharing import Share, SharedAnswers
from schema.signals import wait_at_most
from schema.tops import MAX_ROWS, Top
from schema.types.leaderboard import Leaderboard, show_page

LOOK_AGAIN_SECONDS = 60.0
"""How long a subscription sleeps at most: a hint may be lost, and between seasons there is none."""
BLOCKS_SECONDS = 5.0
"""How old what is known of the blocks between the caller and those at the top may be."""


async def leaderboard_changes(
    info: Info, code: str, scope: str | None, first: int, language: str | None
) -> AsyncGenerator[Leaderboard, None]:
    """The top of the period that runs, whenever what is shown of it is another one. The next period follows by itself.

    Raises:
        CallerError: there is no such board, or it cannot be watched in this way.
    """
    if not 1 <= first <= MAX_ROWS:
        raise CallerError(BAD_USER_INPUT, f"first is {first}; from 1 to {MAX_ROWS} are possible.")
    context, watcher = info.context, _Watcher(info.context, first, asks_for_own_place(info))
    told: object = None
    while True:
        view = await _view(context, code, scope, language)
        topic = view.key.text if view.period else f"{code}/-/"
        with context.game.signals.watch(("board", topic)) as signal:
            while True:
                board = await watcher.look(view)
                said = (
                    board.state,
                    board.period,
                    board.total,
                    [(row, row.member and row.member.told) for row in board.nodes],
                )
                if said != told:
                    told = said
                    yield board
                await wait_at_most(signal, min(LOOK_AGAIN_SECONDS, view.seconds_left))
                now = await _view(context, code, scope, language)
                if now.period != view.period:
                    break
                view = now


@dataclass(slots=True)
class _Watcher:
    """Looks at the top of a board for one caller, and for many at once where these see the same."""

    context: Context
    first: int
    own_place: bool
    """Whether the caller's own place is shown too."""
    _blocks: dict[str, bool] = field(default_factory=dict)
    _blocks_end: float = 0.0

    async def look(self, view: View) -> Leaderboard:
        """The board as it is now."""
        if view.period is None:
            return await show_page(self.context, view, NO_ROWS)
        top = await self.context.game.tops.read(view.key)
        if isinstance(top, Unavailable):
            return await show_page(self.context, view, top)
        if view.caller is not None and await self._sees_otherwise(view.caller, top):
            return await self._show(view, top)
        # Nobody in particular: so all who are that get one and the same.
        common = replace(view, caller=None)
        what = (self.first, view.reading.language, view.reading.version, view.state)
        return await top.shown_as(what, lambda: self._show(common, top, Share(self._answers, (top.number, what))))

    @property
    def _answers(self) -> SharedAnswers:
        return self.context.game.tops.answers

    async def _show(self, view: View, top: Top, share: Share | None = None) -> Leaderboard:
        rows = top.rows[: self.first]
        for row, member in rows:
            self.context.members.prime(row.member_id, member)
        board = await show_page(self.context, view, page_of_rows(Rows(tuple(row for row, _ in rows), top.total)))
        board.share = share
        return board

    async def _sees_otherwise(self, caller: str, top: Top) -> bool:
        """Whether the caller sees something that others do not, or the other way round."""
        member_ids = [row.member_id for row, _ in top.rows[: self.first]]
        hidden = await self._hidden(member_ids)
        return self.own_place or caller in member_ids or any(hidden)

    async def _hidden(self, member_ids: Sequence[str]) -> Sequence[bool]:
        now = asyncio.get_running_loop().time()
        if now >= self._blocks_end or not self._blocks.keys() >= set(member_ids):
            hidden = await self.context.hidden.load_many(list(member_ids))
            self._blocks = dict(zip(member_ids, map(bool, hidden), strict=True))
            self._blocks_end = now + BLOCKS_SECONDS
        for member_id in member_ids:
            self.context.hidden.prime(member_id, self._blocks[member_id])
        return [self._blocks[member_id] for member_id in member_ids]


async def _view(context: Context, code: str, scope: str | None, language: str | None) -> View:
    context.renew()
    view = await view_of(context, await context.reading(language), code, scope, None, friends=False)
    if view is None:
        raise CallerError(BAD_USER_INPUT, f"The program has no board {code}.")
    if view.friends:
        raise CallerError(FORBIDDEN, f"The board {code} ranks among friends only, which cannot be watched.")
    return view
