"""Reads that those who ask at the same time share."""

import asyncio

import pytest

from app import shared_read as module
from app.shared_read import SharedRead
from gamification.stores import StoreUnavailable


class Store:
    """Answers, or fails, when it is told to."""

    def __init__(self) -> None:
        self.reads: list[asyncio.Future[int]] = []

    def read(self) -> "asyncio.Future[int]":
        self.reads.append(asyncio.get_running_loop().create_future())
        return self.reads[-1]


async def asked(shared: SharedRead[int]) -> "asyncio.Task[int]":
    """Somebody who has asked."""
    task = asyncio.create_task(shared.get())
    await asyncio.sleep(0)
    return task


async def test_all_who_ask_meanwhile_share_one_read_and_who_leaves_takes_nothing() -> None:
    store = Store()
    shared = SharedRead(store.read)
    first, gone, last = [await asked(shared) for _ in range(3)]
    gone.cancel()
    store.reads[0].set_result(7)
    assert (await first, await last, len(store.reads)) == (7, 7, 1)
    again = await asked(shared)
    store.reads[1].set_result(8)
    assert await again == 8


async def test_what_had_gone_wrong_before_somebody_asked_is_not_held_against_them() -> None:
    store = Store()
    shared = SharedRead(store.read)
    first, joined = await asked(shared), await asked(shared)
    store.reads[0].set_exception(StoreUnavailable("stopped for a while"))
    with pytest.raises(StoreUnavailable, match="stopped for a while"):
        await first
    await asyncio.sleep(0)
    store.reads[1].set_result(7)
    assert (await joined, len(store.reads)) == (7, 2)


async def test_it_is_begun_anew_once_and_only_for_who_has_not_waited_long(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    shared = SharedRead(store.read)
    _, joined = await asked(shared), await asked(shared)
    store.reads[0].set_exception(StoreUnavailable("away"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    store.reads[1].set_exception(StoreUnavailable("still away"))
    with pytest.raises(StoreUnavailable, match="still away"):
        await joined
    monkeypatch.setattr(module, "AGAIN_WITHIN_SECONDS", -1.0)
    _, joined = await asked(shared), await asked(shared)
    store.reads[2].set_exception(StoreUnavailable("away for long"))
    with pytest.raises(StoreUnavailable, match="away for long"):
        await joined
    assert len(store.reads) == 3
