"""One tick, one pipeline: collects what is asked of the boards at about the same time."""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from app.boards.redis_boards import RedisBoards
from app.boards.requests import Among, AroundMe, RankOf, Request, Top
from gamification.boards.keys import BoardKey
from gamification.boards.listing import Place, Rank, Rows, Unavailable

QUIET_TURNS = 3
"""How many turns of the event loop nothing more may be asked before the pipeline is sent."""
MAX_TURNS = 50
"""How many turns the first request waits at most."""
MAX_REQUESTS_PER_PIPELINE = 500

Answer = TypeVar("Answer")


class BoardReads:
    """Implements `gamification.stores.Boards`: reads, sent together. ``pipelines`` counts how many were sent."""

    def __init__(self, boards: RedisBoards) -> None:
        self.pipelines = 0
        self._boards = boards
        self._waiting: list[tuple[Request[Any], asyncio.Future[Any]]] = []
        self._turns = self._quiet = 0
        self._sending: set[asyncio.Task[None]] = set()

    async def top(self, key: BoardKey, first: int, after: Place | None = None) -> Rows | Unavailable:
        """The first listed members, or those after a place; at most 100."""
        return await self.read(Top(key, first, after))

    async def around(self, key: BoardKey, member_id: str, each_side: int) -> Rows | Unavailable:
        """A member, and up to 50 listed ones before and after; no rows where the member is not on the board."""
        return await self.read(AroundMe(key, member_id, each_side))

    async def rank_of(self, key: BoardKey, member_id: str) -> Rank | Unavailable:
        """Where one member stands."""
        return await self.read(RankOf(key, member_id))

    async def among(self, key: BoardKey, member_ids: Sequence[str]) -> Rows | Unavailable:
        """Those of up to 501 members who are on the board, listed or not, ranked among themselves."""
        return await self.read(Among(key, tuple(member_ids)))

    async def read(self, request: Request[Answer]) -> Answer | Unavailable:
        """The answer, read in one pipeline with all that is asked in the same few turns of the event loop.

        Raises:
            ValueError: the request is out of its bounds.
        """
        request.call(("", "", ""))  # One that is out of its bounds must not spoil those of others.
        future: asyncio.Future[Answer | Unavailable] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        self._quiet = 0
        if len(self._waiting) == 1:
            self._turns = 0
            asyncio.get_running_loop().call_soon(self._turn)
        return await future

    def _turn(self) -> None:
        self._turns += 1
        self._quiet += 1
        if self._quiet <= QUIET_TURNS and self._turns < MAX_TURNS:
            asyncio.get_running_loop().call_soon(self._turn)
            return
        waiting, self._waiting = self._waiting, []
        for first in range(0, len(waiting), MAX_REQUESTS_PER_PIPELINE):
            task = asyncio.create_task(self._send(waiting[first : first + MAX_REQUESTS_PER_PIPELINE]))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, waiting: list[tuple[Request[Any], asyncio.Future[Any]]]) -> None:
        self.pipelines += 1
        try:
            answers = await self._boards.read([request for request, _ in waiting])
        except asyncio.CancelledError:
            for _, future in waiting:
                future.cancel()
            raise
        except Exception as error:  # Each of those who wait gets it.
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(waiting, answers, strict=True):
            if future.done():
                continue  # Whoever waited has gone.
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
