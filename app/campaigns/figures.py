"""The live figures in Redis: what is left of each limited campaign, for showing it to many.

A hash ``laurel:campaign:CODE`` holds for every slice of `app.campaigns.allowances` its version and what remains. A
slice only ever moves to a higher version, so writing twice, late or out of order is harmless. The field ``version``
names the terms by which all slices were written at once; a hash that lacks it, as after Redis was emptied, or has
another than MongoDB, is not believed.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from app.boards.wire import Client, answering
from app.campaigns.allowances import Key, Slice, What, left_of
from gamification.campaigning import CampaignState, Left
from gamification.stores import StoreUnavailable

LIVE_TIMEOUT_SECONDS = 0.05
"""The figures are a convenience: slower than this, they are read from MongoDB."""
WRITE_TIMEOUT_SECONDS = 1.0
FLUSH_SECONDS = 0.02
"""How long changes gather before they are written, each slice once."""
RETRY_SECONDS = 0.5
KEEP_SECONDS = 24 * 60 * 60
"""How long a hash is kept after it was last written."""

_FORWARD = """
local version = tonumber(ARGV[1])
if version > tonumber(redis.call('HGET', KEYS[1], 'version') or '0') then
  redis.call('HSET', KEYS[1], 'version', ARGV[1])
end
for i = 3, #ARGV, 3 do
  local held = redis.call('HGET', KEYS[1], ARGV[i])
  if not held or tonumber(ARGV[i + 1]) > tonumber(string.match(held, '^%d+')) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1] .. ' ' .. ARGV[i + 2])
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""

_LIMITS: dict[str, What] = {"points": "points", "places": "places"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Figures:
    """What Redis holds of a campaign: by which version of its terms, 0 if it does not know all, and its slices."""

    version: int
    slices: Mapping[Key, Sequence[Slice]]

    def left(self, state: CampaignState) -> Left | None:
        """What is left, if these figures are by the same terms."""
        return left_of(state.terms, self.slices) if self.version == state.version else None

    def lacks(self, state: CampaignState, slices: Iterable[Slice]) -> bool:
        """Whether they are by older terms than these, or behind any of these slices."""
        held = {each.slice_id: each.version for parts in self.slices.values() for each in parts}
        return self.version < state.version or any(held.get(each.slice_id, 0) < each.version for each in slices)

    def runs_ahead(self, state: CampaignState, slices: Iterable[Slice]) -> bool:
        """Whether they know more than MongoDB did later, so that they are about another database or an older copy."""
        known = {each.slice_id: each.version for each in slices}
        held = (each for parts in self.slices.values() for each in parts)
        return self.version > state.version or any(known.get(each.slice_id, 0) < each.version for each in held)


class LiveFigures:
    """Writes and reads the figures. What this process commits is written in the background by ``run``."""

    def __init__(self, redis: Client, prefix: str = "laurel") -> None:
        self._redis, self._prefix = redis, prefix
        self._changed: dict[str, Slice] = {}
        self._wake = asyncio.Event()

    def note(self, slices: Sequence[Slice]) -> None:
        """Have slices written soon."""
        for each in slices:
            known = self._changed.get(each.slice_id)
            if known is None or known.version < each.version:
                self._changed[each.slice_id] = each
        self._wake.set()

    async def run(self) -> NoReturn:
        """Write what is noted, until cancelled. While Redis does not answer, what is noted waits, each slice once."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(FLUSH_SECONDS)
            self._wake.clear()
            noted, self._changed = self._changed, {}
            try:
                await self._write([(0, code, slices) for code, slices in _by_campaign(noted.values()).items()])
            except StoreUnavailable as error:
                log.debug("live figures wait: %s", error)
                self.note(list(noted.values()))
                await asyncio.sleep(RETRY_SECONDS)

    async def write(self, campaigns: Iterable[tuple[CampaignState, Sequence[Slice]]]) -> None:
        """Write campaigns whole. The slices were read after the state.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        await self._write([(state.version, state.code, slices) for state, slices in campaigns])

    async def forget(self, codes: Sequence[str]) -> None:
        """Delete what Redis holds of these campaigns.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        with answering():
            async with asyncio.timeout(WRITE_TIMEOUT_SECONDS):
                for code in codes:  # One at a time, for in a cluster they lie on different servers.
                    await self._redis.unlink(self._key(code))

    async def read(self, codes: Sequence[str]) -> Mapping[str, Figures]:
        """What Redis holds of these campaigns, in one round trip.

        Raises:
            StoreUnavailable: Redis did not answer within `LIVE_TIMEOUT_SECONDS`.
        """
        with answering():
            async with asyncio.timeout(LIVE_TIMEOUT_SECONDS):
                pipeline = self._redis.pipeline(transaction=False)
                for code in codes:
                    pipeline.hgetall(self._key(code))
                answers = await pipeline.execute()
        return {code: _figures(code, answer) for code, answer in zip(codes, answers, strict=True)}

    async def _write(self, campaigns: Sequence[tuple[int, str, Sequence[Slice]]]) -> None:
        if not campaigns:
            return
        with answering():
            async with asyncio.timeout(WRITE_TIMEOUT_SECONDS):
                pipeline = self._redis.pipeline(transaction=False)
                for version, code, slices in campaigns:
                    arguments = [
                        value for each in slices for value in (_field(each), str(each.version), str(each.remaining))
                    ]
                    key = self._key(code)
                    pipeline.execute_command("EVAL", _FORWARD, 1, key, str(version), str(KEEP_SECONDS), *arguments)
                await pipeline.execute()

    def _key(self, code: str) -> str:
        return f"{self._prefix}:campaign:{code}"


def _by_campaign(slices: Iterable[Slice]) -> dict[str, list[Slice]]:
    campaigns: dict[str, list[Slice]] = {}
    for each in slices:
        campaigns.setdefault(each.campaign, []).append(each)
    return campaigns


def _field(part: Slice) -> str:
    return f"{part.what}:{part.number}"


def _figures(code: str, answer: Mapping[bytes, bytes]) -> Figures:
    slices: dict[Key, list[Slice]] = {}
    for name, value in answer.items():
        kind, _, number = name.decode().partition(":")
        what = _LIMITS.get(kind)
        if what is None:
            continue
        version, _, remaining = value.decode().partition(" ")
        slices.setdefault((code, what), []).append(Slice(code, what, int(number), int(remaining), version=int(version)))
    return Figures(int(answer.get(b"version", b"0")), slices)
