"""The worker that tells members on their devices: `laurel worker push`.

It follows the feed of notices, decides about each when and whether to send it, writes down one delivery for each device
and sends them. Any number run at once; they share the partitions of the feed. Killed anywhere it loses nothing: what it
had not acknowledged comes again to whoever takes over, and what was written down is found in MongoDB. What it just had
in hand may be sent once more, with the same id.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from app.notices.entries import PARTITIONS
from app.push.providers.provider import Provider
from app.push.session import PushStores, Session
from app.push.wording import Word
from gamification.delivery.devices import Platform


class PushWorker:
    """One worker of any number that run at once."""

    def __init__(
        self,
        stores: PushStores,
        providers: Mapping[Platform, Provider],
        word: Word,
        *,
        now: Callable[[], datetime],
        partitions: int = PARTITIONS,
    ) -> None:
        self._stores, self._providers, self._word, self._now = stores, providers, word, now
        self._partitions = partitions
        self.session: Session | None = None
        """What runs now, or ran last."""

    async def run(self) -> None:
        """Tell members until cancelled; the providers have been opened, and others close them.

        Raises:
            StoreUnavailable: a store did not answer in time. Running it again goes on from there.
        """
        session = Session(self._stores, self._providers, self._word, self._now, self._partitions)
        self.session = session
        try:
            await session.run()
        finally:
            await session.stop()
