"""What one request reads, each thing once: what it has seen of a member, it sees to its end."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from gamification.stores import StoreUnavailable

Key = TypeVar("Key")
Value = TypeVar("Value")


class Loader(Generic[Key, Value]):
    """Reads the values of keys through ``read``, all that are asked for in the same turn of the event loop together.

    What ``read`` leaves out is None. It belongs to one request, so nobody sees what was read for another. That the
    reads of different requests meet is the stores' doing.
    """

    def __init__(self, read: Callable[[Sequence[Key]], Coroutine[Any, Any, Mapping[Key, Value]]]) -> None:
        self._read = read
        self._known: dict[Key, Value | None] = {}
        self._reading: dict[Key, asyncio.Future[Mapping[Key, Value]]] = {}
        self._next: list[Key] = []

    def begin(self, keys: Iterable[Key]) -> None:
        """Begin to read what is not known yet, without waiting. A fault is told to whoever loads it."""
        new = [key for key in keys if key not in self._reading and key not in self._known]
        if not new:
            return
        reading = self._reading[self._next[0]] if self._next else _begun(self._read_next())
        self._next += new
        self._reading.update(dict.fromkeys(new, reading))

    async def load(self, key: Key) -> Value | None:
        """The value of a key; whatever ``read`` raises about it."""
        if key in self._known:
            return self._known[key]
        self.begin([key])
        reading = self._reading[key]
        try:
            found = await _result_of(reading)
        except StoreUnavailable:
            raise
        except Exception:
            if reading is self._reading[key]:  # Or else it is being read alone already.
                # What is wrong may be about another key: a document that cannot be read spoils no other.
                self._reading[key] = _begun(self._read([key]))
            found = await _result_of(self._reading[key])
        return found.get(key)

    async def get(self, key: Key) -> Value:
        """As ``load``, where every key has a value.

        Raises:
            KeyError: this one has none.
        """
        value = await self.load(key)
        if value is None:
            raise KeyError(key)
        return value

    async def load_many(self, keys: Sequence[Key]) -> list[Value | None]:
        """The values of keys, in their order."""
        self.begin(keys)
        known = self._known  # Whatever comes back makes all of its keys known, so there is little to wait for.
        return [known[key] if key in known else await self.load(key) for key in keys]

    def prime(self, key: Key, value: Value | None) -> None:
        """Let a value be known that was read otherwise."""
        self._known[key] = value

    async def _read_next(self) -> Mapping[Key, Value]:
        keys, self._next = self._next, []
        found = await self._read(keys)
        for key in keys:
            self._known.setdefault(key, found.get(key))
        return found


class Memo(Generic[Key, Value]):
    """Asks for each key once, and tells whoever wants to know.

    ``ask`` is for stores that read together what is asked one by one. It belongs to one request, as a `Loader` does.
    """

    def __init__(self, ask: Callable[[Key], Awaitable[Value]]) -> None:
        self._ask = ask
        self._asked: dict[Key, asyncio.Future[Value]] = {}

    def begin(self, key: Key) -> "asyncio.Future[Value]":
        """Begin to ask, without waiting. A fault is told to whoever gets it."""
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = _begun(self._ask(key))
        return asked

    async def get(self, key: Key) -> Value:
        """What is known of a key; whatever ``ask`` raises about it."""
        return await _result_of(self.begin(key))


async def _result_of(reading: "asyncio.Future[Value]") -> Value:
    """What was read. Whoever is cancelled while they wait for it takes it from nobody else.

    As `asyncio.shield` does, which takes several times as long.
    """
    if not reading.done():
        come: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        reading.add_done_callback(lambda _: None if come.done() else come.set_result(None))
        await come
    return reading.result()


def _begun(read: Awaitable[Value]) -> "asyncio.Future[Value]":
    reading = asyncio.ensure_future(read)
    reading.add_done_callback(_note_fault)
    return reading


def _note_fault(reading: "asyncio.Future[Any]") -> None:
    """Take note of a fault, which is no news where nobody needs what was read ahead."""
    if not reading.cancelled():
        reading.exception()
