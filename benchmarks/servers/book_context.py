"""The context of a request by the book: who asks, and a DataLoader for each thing that is read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TypeAlias

import strawberry
from strawberry.dataloader import DataLoader

from benchmarks.servers.stores import Document, Stores
from benchmarks.servers.tokens import Caller


@dataclass(frozen=True, slots=True)
class RankRow:
    """Where a member stands: place from 0 and score, None for one who is not on the board, and how many are."""

    place: int | None
    score: float | None
    total: int


@dataclass
class Context:
    """One request's context."""

    stores: Stores
    caller: Caller
    accepted: str | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    members: DataLoader[str, Document | None] = field(init=False)
    ranks: DataLoader[str, RankRow] = field(init=False)
    hidden: DataLoader[str, bool] = field(init=False)

    def __post_init__(self) -> None:
        self.members = DataLoader(load_fn=self._load_members)
        self.ranks = DataLoader(load_fn=self._load_ranks)
        self.hidden = DataLoader(load_fn=self._load_hidden)

    @property
    def today(self) -> date:
        """The day in the shop's time zone."""
        return self.now.astimezone(self.stores.rules.zone).date()

    def language(self, member: Document | None) -> str:
        """The language for a member, or for one who is not known."""
        return self.stores.rules.language(member["profile"]["language"] if member else None, self.accepted)

    async def _load_members(self, ids: list[str]) -> Sequence[Document | None]:
        found = await self.stores.members(ids)
        return [found.get(one) for one in ids]

    async def _load_ranks(self, ids: list[str]) -> Sequence[RankRow]:
        board = self.stores.keys.board
        async with self.stores.redis.pipeline(transaction=False) as pipeline:
            for one in ids:
                pipeline.zrevrank(board, one)
                pipeline.zscore(board, one)
            pipeline.zcard(board)
            *found, total = await pipeline.execute()
        return [RankRow(place, score, total) for place, score in zip(found[::2], found[1::2], strict=True)]

    async def _load_hidden(self, ids: list[str]) -> Sequence[bool]:
        hidden = await self.stores.hidden(self.caller.subject, ids)
        return [one in hidden for one in ids]


Info: TypeAlias = strawberry.Info[Context, None]
