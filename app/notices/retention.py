"""Retention: how long notices are kept. The oldest of the feed go first, so that what is left has no holes."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from app.notices.entries import Entry
from app.notices.groups import Noted
from app.notices.positions import Positions
from app.stores.connection import Connection
from app.stores.notices import COLLECTION
from app.stores.webhooks import COLLECTION as ENDPOINTS

KEPT_DAYS = 400
"""How long a notice is kept at least: a year, so that an inbox has the last birthday, and a month beyond it.
Longer than any `fresh_hours`, so that none is dropped that has just been made of something long past."""
MAX_DROPPED = 1_000
"""How many notices are dropped in one sweep."""


class Retention:
    """Any number may sweep at once.

    What somebody who follows the feed has not acknowledged is kept for longer, however old it is: a group of the
    streams, or an endpoint of webhooks that is not disabled.
    """

    def __init__(self, connection: Connection, positions: Positions) -> None:
        self._connection, self._positions = connection, positions
        self._notices, self._endpoints = connection[COLLECTION], connection[ENDPOINTS]

    async def sweep(self, streams: Mapping[int, Noted], now: datetime) -> int:
        """Drop up to `MAX_DROPPED` of the oldest notices, where these are the groups; how many were dropped.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        before, upto = now - timedelta(days=KEPT_DAYS), await self._sent()
        for limit in (1, MAX_DROPPED):  # Most of the time the first one shows that there is nothing to do.
            found = await self._positions.entries(0, limit)
            ids = [entry.notice.notice_id for entry in _done_with(found, before, upto, streams)]
            if not ids:
                return 0
        with self._connection.answering():
            return int((await self._notices.delete_many({"_id": {"$in": ids}})).deleted_count)

    async def _sent(self) -> int | None:
        """Up to where every endpoint has taken up the feed; None where there is none that waits."""
        with self._connection.answering():
            found = self._endpoints.find({"disabled": None}, {"position": 1}).sort("position").limit(1)
            return next((int(each["position"]) for each in await found.to_list(1)), None)


def _done_with(
    entries: Sequence[Entry], before: datetime, upto: int | None, streams: Mapping[int, Noted]
) -> Iterator[Entry]:
    """The first of these, up to one that is not old enough or that somebody waits for."""
    for entry in entries:
        acknowledged = streams.get(entry.partition, Noted()).groups.values()
        places = acknowledged if upto is None else (*acknowledged, upto)
        if entry.notice.at >= before or any(place < entry.position for place in places):
            return
        yield entry
