"""How deliveries to endpoints of webhooks stand. Implements `gamification.webhooks.stores.WebhookCounts`.

Collection ``webhook_counts`` has a document for each day in UTC and endpoint, ``_id`` being ``day:endpoint``, with how
many came to which end. What has not ended is counted in ``webhook_deliveries`` when it is asked for.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from pymongo import ASCENDING

from app.stores.connection import Connection
from app.stores.webhook_deliveries import COLLECTION as DELIVERIES
from gamification.webhooks.endpoints import MAX_ENDPOINTS, DeliveryState, EndpointCounts

COLLECTION = "webhook_counts"
KEPT_DAYS = 40
MAX_DAYS = 31
MAX_COUNTED = 10_000
"""How far those are counted that are queued: beyond the bound on how many wait, for staff may queue more once again."""


class MongoWebhookCounts:
    """Every method raises ``StoreUnavailable`` where the store did not answer in time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._counts, self._deliveries = connection[COLLECTION], connection[DELIVERIES]

    async def count(self, endpoint_id: str, ended: Mapping[tuple[DeliveryState, str], int], now: datetime) -> None:
        """Add to the counts of a day, by state and reason; a reason holds no dot."""
        day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        added = {f"counts.{state}:{reason}": count for (state, reason), count in ended.items()}
        one = {"_id": f"{day.date().isoformat()}:{endpoint_id}"}
        with self._connection.answering():
            new = {"endpoint_id": endpoint_id, "day": day}
            await self._counts.update_one(one, {"$inc": added, "$setOnInsert": new}, upsert=True)

    async def of_endpoints(self, endpoint_ids: Sequence[str], days: int, now: datetime) -> Mapping[str, EndpointCounts]:
        """How many ended how on the last days, today included, and how many have not yet, of each of these."""
        since = (now.astimezone(UTC) - timedelta(days=min(days, MAX_DAYS) - 1)).date().isoformat()
        ended: dict[str, Counter[tuple[DeliveryState, str]]] = {each: Counter() for each in endpoint_ids}
        with self._connection.answering():
            found = await self._counts.find({"_id": {"$gte": since}}).to_list((MAX_DAYS + 1) * MAX_ENDPOINTS * 2)
            for document in found:
                if (of_endpoint := ended.get(document["endpoint_id"])) is not None:
                    for name, count in document["counts"].items():
                        state, _, reason = name.partition(":")
                        of_endpoint[cast("DeliveryState", state), reason] += count
            return {each: EndpointCounts(*await self._queued(each), ended[each]) for each in endpoint_ids}

    async def _queued(self, endpoint_id: str) -> tuple[int, datetime | None]:
        """How many are queued, and when the first of them was made, in the order of the feed."""
        query = {"endpoint_id": endpoint_id, "state": "queued"}
        number = int(await self._deliveries.count_documents(query, limit=MAX_COUNTED))
        if not number:
            return 0, None
        # A position says that the index is used in which they lie by it.
        first = await self._deliveries.find_one(
            {**query, "position": {"$gt": 0}}, {"created_at": 1}, sort=[("position", ASCENDING)]
        )
        return number, first["created_at"] if first else None
