"""The boards in Redis: placing members on them, and reading where they stand."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson

from app.boards import scripts
from app.boards.calls import Call
from app.boards.confidence import Confidence, NeverBuilt
from app.boards.control import Control, ControlHash
from app.boards.names import Names
from app.boards.placing import GONE, Placing
from app.boards.requests import Request
from app.boards.wire import Wire
from gamification.boards.keys import BoardKey
from gamification.boards.listing import Unavailable
from gamification.stores import StoreUnavailable

READ_TIMEOUT_SECONDS = 0.3
"""Ranks are shown beside other things; rather than let these wait, they are unavailable."""
PLACE_TIMEOUT_SECONDS = 2.0
MAX_MEMBERS_PER_CALL = 100
"""A script holds up everybody else: this many take it well under a millisecond."""
MAX_MEMBERS_PER_PIPELINE = 2_000
MAX_READ_ROUNDS = 3
MAX_PLACE_ROUNDS = 5
"""How often to begin again because the generations were swapped meanwhile."""

Expiry = Callable[[BoardKey], datetime | None]
"""When a board may be forgotten; None for never."""


class RedisBoards:
    """All boards. Writing is absolute and guarded by the member's revision, so doing it again or late is harmless."""

    def __init__(
        self, wire: Wire, names: Names, confidence: Confidence, expires_at: Expiry, now: Callable[[], datetime]
    ) -> None:
        self._wire, self._names, self._confidence = wire, names, confidence
        self._expires_at, self._now = expires_at, now
        self._hash = ControlHash(wire, names)
        self._control: Control | None = None

    async def place(self, placings: Sequence[Placing]) -> None:
        """Put members where they stand, in the current generation and in one that is being built.

        A placing changes nothing where the board holds the same or a newer revision of that member, or has expired.
        When this returns, the placings are in every generation that is or will be read, unless Redis loses them; and
        then the rebuild, which begins later, finds them in MongoDB.

        Raises:
            StoreUnavailable: Redis does not answer or is empty. Some may be placed; do it all again later.
        """
        live = self._not_expired(placings)
        try:
            for first in range(0, len(live), MAX_MEMBERS_PER_PIPELINE):
                await self._place(live[first : first + MAX_MEMBERS_PER_PIPELINE])
        except StoreUnavailable:
            self._confidence.suspect()
            raise

    async def fill(self, generation: int, placings: Sequence[Placing]) -> Control | None:
        """Put members into one generation alone, as a rebuild does; what the control hash says afterwards.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        live = self._not_expired(placings)
        parts = [
            live[first : first + MAX_MEMBERS_PER_PIPELINE] for first in range(0, len(live), MAX_MEMBERS_PER_PIPELINE)
        ]
        for part in parts[:-1]:
            await self._write_and_count(generation, part)
        return await self._write_and_count(generation, parts[-1] if parts else [])

    async def read(self, requests: Sequence[Request[Any]]) -> list[Any]:
        """The answer to each request, or `Unavailable` to all, within about 0.3 seconds and in one pipeline.

        In the place of an answer that is wrong is what is wrong with it: that is nobody else's fault.

        Raises:
            ValueError: a request is out of its bounds.
        """
        for _ in range(MAX_READ_ROUNDS):
            try:
                generation = await self._confidence.generation()
                calls = [request.call(self._names.board(generation, request.key)) for request in requests]
                mark = self._confidence.mark()
                # On one server the control hash is read last: what it says then held for all that was read before.
                # In a cluster nothing comes last; there, generations are deleted long after they were swapped out.
                *answers, control = await self._wire.run_each([*calls, self._hash.read_call], READ_TIMEOUT_SECONDS)
                if isinstance(control, Exception):
                    raise control
                trusted = self._confidence.accept(Control.parse(control), mark)
                if trusted is None:
                    await self._confidence.refresh()
            except StoreUnavailable as error:
                self._confidence.suspect()
                return [Unavailable(str(error))] * len(requests)
            if trusted is not None and trusted.generation == generation:
                return [_judged(request, raw) for request, raw in zip(requests, answers, strict=True)]
        self._confidence.suspect()
        return [Unavailable("Redis does not hold what MongoDB says it should")] * len(requests)

    async def _place(self, placings: Sequence[Placing]) -> None:
        mark = self._confidence.mark()
        control = self._control or await self._hash.read()
        for _ in range(MAX_PLACE_ROUNDS):
            if control is None or (control.current is None and control.building is None):
                break
            after = await self._write(placings, control)
            if after is not None and after.targets == control.targets:
                self._control = after
                if after.epoch == mark.epoch and after.writes <= mark.writes:  # This write counts too.
                    self._confidence.suspect()
                return
            control = after
        self._control = None
        known = await self._confidence.refresh()
        if known.trusted is None and known.upcoming is None:
            raise NeverBuilt
        raise StoreUnavailable("Redis has been emptied, or its boards are being rebuilt over and over")

    async def _write(self, placings: Sequence[Placing], control: Control) -> Control | None:
        """Write to where the control hash says; what it says afterwards."""
        if control.current is None or control.building is None:
            return await self._write_and_count(control.current or control.building or 0, placings)
        keys = self._calls(control.current, placings)
        answers = await self._wire.run([call for _, call in keys], PLACE_TIMEOUT_SECONDS)
        newer = {(key, id_.decode()) for (key, _), ids in zip(keys, answers, strict=True) for id_ in ids}
        # Who has left a board meanwhile is known there alone. What is late must not bring them back in the new one.
        fresh = [placing for placing in placings if (placing.key, placing.member_id) not in newer]
        return await self._write_and_count(control.building, fresh)

    async def _write_and_count(self, generation: int, placings: Sequence[Placing]) -> Control | None:
        calls = [call for _, call in self._calls(generation, placings)]
        if self._wire.cluster:  # There the order within a pipeline is not that of the calls.
            await self._wire.run(calls, PLACE_TIMEOUT_SECONDS)
            calls = []
        *_, control = await self._wire.run([*calls, self._hash.count_call], PLACE_TIMEOUT_SECONDS)
        return Control.parse(control)

    def _calls(self, generation: int, placings: Sequence[Placing]) -> list[tuple[BoardKey, Call]]:
        by_board: dict[BoardKey, list[Placing]] = defaultdict(list)
        for placing in placings:
            by_board[placing.key].append(placing)
        return [
            (key, Call(scripts.PLACE, self._names.board(generation, key), (self._expiry(key), _arguments(part))))
            for key, board in by_board.items()
            for part in _parts(board)
        ]

    def _not_expired(self, placings: Sequence[Placing]) -> list[Placing]:
        now = self._now()
        live = {key for key in {placing.key for placing in placings} if (self._expires_at(key) or now) >= now}
        return [placing for placing in placings if placing.key in live]

    def _expiry(self, key: BoardKey) -> str:
        expires_at = self._expires_at(key)
        return "" if expires_at is None else str(int(expires_at.timestamp()))


def _judged(request: Request[Any], raw: Any) -> Any:
    if isinstance(raw, Exception):
        return raw
    try:
        return request.answer(raw)
    except Exception as fault:  # The one who asked gets it.
        return fault


def _parts(placings: Sequence[Placing]) -> Iterator[Sequence[Placing]]:
    for first in range(0, len(placings), MAX_MEMBERS_PER_CALL):
        yield placings[first : first + MAX_MEMBERS_PER_CALL]


def _arguments(placings: Sequence[Placing]) -> str:
    """All of them as one argument, for the driver takes its time with each."""
    texts: list[str] = []
    for placing in placings:
        entry = placing.entry
        held = (GONE, "", "") if entry is None else (entry.list, entry.score, entry.tie)
        texts += (placing.member_id, str(placing.revision), *held)
    return orjson.dumps(texts).decode()
