"""One tick, one pipeline: what different requests ask of the boards at about the same time is read together."""

from asyncio import Future
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from app.batching import Batcher
from app.boards.redis_boards import RedisBoards
from app.boards.requests import Among, AroundMe, RankOf, Request, Top
from gamification.boards.keys import BoardKey
from gamification.boards.listing import Place, Rank, Rows, Unavailable

MAX_REQUESTS_PER_PIPELINE = 500

Answer = TypeVar("Answer")


class BoardReads:
    """Implements `gamification.stores.Boards`: reads, sent together."""

    def __init__(self, boards: RedisBoards) -> None:
        self._boards = boards
        self._reads = Batcher(self._send, MAX_REQUESTS_PER_PIPELINE)

    @property
    def pipelines(self) -> int:
        """How many were sent."""
        return self._reads.reads

    def top(self, key: BoardKey, first: int, after: Place | None = None) -> Future[Rows | Unavailable]:
        """The first listed members, or those after a place; at most 100."""
        return self.read(Top(key, first, after))

    def around(self, key: BoardKey, member_id: str, each_side: int) -> Future[Rows | Unavailable]:
        """A member, and up to 50 listed ones before and after; no rows where the member is not on the board."""
        return self.read(AroundMe(key, member_id, each_side))

    def rank_of(self, key: BoardKey, member_id: str) -> Future[Rank | Unavailable]:
        """Where one member stands."""
        return self.read(RankOf(key, member_id))

    def among(self, key: BoardKey, member_ids: Sequence[str]) -> Future[Rows | Unavailable]:
        """Those of up to 501 members who are on the board, listed or not, ranked among themselves."""
        return self.read(Among(key, tuple(member_ids)))

    def read(self, request: Request[Answer]) -> Future[Answer | Unavailable]:
        """The answer, from one pipeline with all that is asked in the same turns of the event loop.

        Raises:
            ValueError: the request is out of its bounds.
        """
        request.call(("", "", ""))  # One that is out of its bounds must not spoil those of others.
        return self._reads.ask_one(request)

    async def _send(self, requests: Sequence[Request[Any]]) -> Mapping[Request[Any], Any]:
        return dict(zip(requests, await self._boards.read(requests), strict=True))
