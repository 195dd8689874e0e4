"""What one request reads, each thing once, and whose fault spoils what."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from gamification.stores import StoreUnavailable
from schema.loading import Loader


@dataclass
class Store:
    """Knows the length of every word but the empty one."""

    asked: list[list[str]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    away: bool = False

    async def read(self, words: Sequence[str]) -> Mapping[str, int]:
        self.asked.append(list(words))
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailable("away")
        if broken := self.broken & set(words):
            raise ValueError(f"{min(broken)} cannot be read")
        return {word: len(word) for word in words if word}


async def test_what_is_loaded_in_one_turn_is_read_together_and_once() -> None:
    store = Store()
    loader = Loader(store.read)
    found = tuple(await asyncio.gather(loader.load("a"), loader.load_many(["bb", "a", ""]), loader.load("bb")))
    assert found == (1, [2, 1, None], 2)
    loader.begin(["ahead", "bb"])
    loader.begin(["too"])
    assert await loader.load_many(["ahead", "bb", "", "too"]) == [5, 2, None, 3]
    assert store.asked == [["a", "bb", ""], ["ahead", "too"]]
    assert await loader.get("ccc") == 3
    with pytest.raises(KeyError):
        await loader.get("")
    assert store.asked[2:] == [["ccc"]]


async def test_what_is_known_otherwise_is_not_read() -> None:
    store = Store()
    loader = Loader(store.read)
    loader.prime("a", 7)
    loader.prime("", None)
    loader.begin(["a"])
    assert await loader.load_many(["a", ""]) == [7, None]
    assert store.asked == []


async def test_what_cannot_be_read_spoils_no_other_and_what_nobody_needs_not_at_all() -> None:
    store = Store(broken={"b"})
    loader = Loader(store.read)
    loader.begin(["b", "a"])
    found = await asyncio.gather(loader.load("a"), loader.load("b"), loader.load("b"), return_exceptions=True)
    assert (found[0], [str(fault) for fault in found[1:]]) == (1, ["b cannot be read"] * 2)
    assert store.asked == [["b", "a"], ["a"], ["b"]]
    with pytest.raises(ValueError, match="b cannot"):
        await loader.load_many(["a", "b"])


async def test_a_store_that_is_away_is_asked_once() -> None:
    store = Store(away=True)
    loader = Loader(store.read)
    found = await asyncio.gather(loader.load("a"), loader.load("b"), return_exceptions=True)
    assert [type(fault) for fault in found] == [StoreUnavailable] * 2
    assert store.asked == [["a", "b"]]


async def test_one_resolver_that_is_cancelled_harms_no_other() -> None:
    store = Store()
    loader = Loader(store.read)
    gone, stays = asyncio.ensure_future(loader.load("a")), asyncio.ensure_future(loader.load("a"))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 1
    assert gone.cancelled()
