"""What this process believes of the boards in Redis: the generation to read, and whether there is a doubt."""

import asyncio
from dataclasses import dataclass

from app.boards.control import Control
from app.boards.trust import MongoProjection, Projection, Trusted
from app.shared_read import SharedRead
from gamification.stores import StoreUnavailable

NEVER_BUILT = "the boards are not built yet"


class NeverBuilt(StoreUnavailable):
    """There are no boards so far, as at the very first start. The watcher builds them."""

    def __init__(self) -> None:
        super().__init__(NEVER_BUILT)


@dataclass(frozen=True, slots=True)
class Mark:
    """How many writes of an epoch have been seen."""

    epoch: str | None
    writes: int


def went_back(control: Control, mark: Mark) -> bool:
    """Whether Redis had counted more writes at the mark than it knows of now."""
    return control.epoch == mark.epoch and control.writes < mark.writes


class Confidence:
    """The cached document of MongoDB, and what has been seen of Redis since.

    A doubt is set and taken back by the watcher alone. A reader that meets something odd only wakes the watcher.
    """

    def __init__(self, projection: MongoProjection) -> None:
        self.suspected = asyncio.Event()
        self.doubt: str | None = None
        self._store = projection
        self._known: Projection | None = None
        self._reading = SharedRead(self._read)
        self._generation: int | None = None
        self._seen = Mark(None, 0)

    async def generation(self) -> int:
        """The generation to read.

        Raises:
            StoreUnavailable: there is a doubt, none has been built, or MongoDB does not answer the first time.
        """
        if self.doubt is not None:
            raise StoreUnavailable(self.doubt)
        if self._generation is None:
            known = await self.refresh()
            if known.trusted is None:
                raise NeverBuilt
            self._generation = known.trusted.generation
        return self._generation

    async def known(self) -> Projection:
        """The document, from the cache.

        Raises:
            StoreUnavailable: MongoDB does not answer the first time.
        """
        return self._known or await self.refresh()

    async def refresh(self) -> Projection:
        """The document, read again. All who ask meanwhile get the same answer.

        Raises:
            StoreUnavailable: MongoDB does not answer.
        """
        return await self._reading.get()

    def mark(self) -> Mark:
        """What Redis has counted so far. To be taken before it is asked, for answers may overtake each other."""
        epoch, writes = self._seen.epoch, self._seen.writes
        trusted = self._known.trusted if self._known else None
        if self._known is None or trusted is None or epoch not in (None, trusted.epoch):
            return self._seen
        return Mark(trusted.epoch, max(self._known.writes, writes))

    def accept(self, control: Control | None, mark: Mark) -> Trusted | None:
        """What is trusted of what Redis answered since the mark; None if nothing is. Remembers what it says."""
        if control is None or self._known is None or went_back(control, mark):
            return None
        trusted = self._known.find(control.epoch, control.current)
        if trusted is not None:
            same = self._seen.epoch == control.epoch
            self._seen = Mark(control.epoch, max(control.writes, self._seen.writes if same else 0))
            self._generation = control.current
        return trusted

    def suspect(self) -> None:
        """Let the watcher look at once, unless it has its doubt already and looks at its own pace."""
        if self.doubt is None:
            self.suspected.set()

    async def _read(self) -> Projection:
        self._known = await self._store.get()
        return self._known
