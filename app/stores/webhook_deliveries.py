"""What endpoints are sent, collection ``webhook_deliveries``: a document for each notice and endpoint.

``_id`` is ``endpoint:notice``; ``due_at`` is set as long as it is ``queued``. It is forgotten after `KEPT_DAYS`,
whatever became of it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from pymongo import ASCENDING, DESCENDING

from app.stores.blocking import blocking
from app.stores.connection import Connection, Document
from app.stores.transaction import Session, transact
from app.stores.webhooks import COLLECTION as ENDPOINTS
from gamification.notices.posted import Posted
from gamification.webhooks.endpoints import DeliveryState, Endpoint, WebhookDelivery

COLLECTION = "webhook_deliveries"
KEPT_DAYS = 30
MAX_PAGE_DELIVERIES = 200
MAX_REQUEUED = 1_000
"""How many are queued once more in one step."""
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_ENDED = {"$in": ["sent", "failed"]}


class MongoWebhookDeliveries:
    """Every method raises ``StoreUnavailable`` where the store did not answer in time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._collection, self._endpoints = connection[COLLECTION], connection[ENDPOINTS]

    async def take(self, endpoint: Endpoint, notices: Sequence[Posted], position: int, now: datetime) -> bool:
        """Make deliveries of notices and move the endpoint on to a position, both or neither.

        False, and nothing is written, where the endpoint is no longer at its position, or gets nothing any more.

        Raises:
            CommitConflict: another transaction is just writing the same.
        """

        def body(session: Session) -> bool:
            here = {"_id": endpoint.endpoint_id, "position": endpoint.position, "disabled": None}
            moved = blocking(self._endpoints).update_one(here, {"$set": {"position": position}}, session=session)
            if moved.modified_count and notices:
                documents = [_document(endpoint.endpoint_id, each, now) for each in notices]
                blocking(self._collection).insert_many(documents, session=session)
            return bool(moved.modified_count)

        return await transact(self._connection, body)

    async def count_queued(self, endpoint_id: str, most: int) -> int:
        """How many have not ended, counted up to ``most``."""
        with self._connection.answering():
            query = {"endpoint_id": endpoint_id, "due_at": {"$gt": _EVER}}
            return int(await self._collection.count_documents(query, limit=most))

    async def due(self, endpoint_id: str, now: datetime, limit: int) -> Sequence[WebhookDelivery]:
        """Up to ``limit`` that are due, the one that is overdue most first, and of those the first of the feed."""
        query = {"endpoint_id": endpoint_id, "due_at": {"$gt": _EVER, "$lte": now}}
        with self._connection.answering():
            found = self._collection.find(query).sort([("due_at", ASCENDING), ("position", ASCENDING)]).limit(limit)
            return [read_delivery(document) for document in await found.to_list(limit)]

    async def settle(
        self,
        delivery: WebhookDelivery,
        *,
        state: DeliveryState,
        status: int | None,
        reason: str,
        due_at: datetime | None,
        now: datetime,
    ) -> bool:
        """Note what became of an attempt; False where somebody else has noted something since."""
        same = {"_id": delivery.delivery_id, "state": "queued", "attempts": delivery.attempts}
        noted = {
            "state": state,
            "attempts": delivery.attempts + 1,
            "status": status,
            "reason": reason,
            "due_at": due_at,
            "ended_at": now if due_at is None else None,
        }
        with self._connection.answering():
            return bool((await self._collection.update_one(same, {"$set": noted})).modified_count)

    async def of_endpoint(
        self, endpoint_id: str, state: DeliveryState | None, before: int | None, limit: int
    ) -> Sequence[WebhookDelivery]:
        """Up to ``limit`` of an endpoint before a position of the feed, the latest first."""
        query: Document = {"endpoint_id": endpoint_id, "position": {"$gt": 0}}
        if before is not None:
            query["position"]["$lt"] = before
        if state is not None:
            query["state"] = state
        limit = min(limit, MAX_PAGE_DELIVERIES)
        with self._connection.answering():
            found = self._collection.find(query).sort("position", DESCENDING).limit(limit)
            return [read_delivery(document) for document in await found.to_list(limit)]

    async def get(self, delivery_id: str) -> WebhookDelivery | None:
        """The delivery of this id."""
        with self._connection.answering():
            document = await self._collection.find_one({"_id": delivery_id})
        return read_delivery(document) if document else None

    async def redeliver(self, delivery_id: str, now: datetime) -> bool:
        """Queue one once more that has ended, with all its attempts before it; False where there is none."""
        with self._connection.answering():
            result = await self._collection.update_one({"_id": delivery_id, "state": _ENDED}, _again(now))
        return bool(result.modified_count)

    async def redeliver_failed(self, endpoint_id: str, since: datetime, now: datetime) -> int:
        """Queue those once more that were given up since then, up to `MAX_REQUEUED`; how many they were."""
        query = {"endpoint_id": endpoint_id, "state": "failed", "ended_at": {"$gte": since}}
        with self._connection.answering():
            found = await self._collection.find(query, {"_id": 1}).limit(MAX_REQUEUED).to_list(MAX_REQUEUED)
            same = {"_id": {"$in": [document["_id"] for document in found]}, "state": "failed"}
            return int((await self._collection.update_many(same, _again(now))).modified_count) if found else 0


def delivery_id_of(endpoint_id: str, notice_id: str) -> str:
    """The id of the delivery of a notice to an endpoint."""
    return f"{endpoint_id}:{notice_id}"


def read_delivery(document: Document) -> WebhookDelivery:
    """The delivery that a document holds."""
    return WebhookDelivery(**{"delivery_id" if name == "_id" else name: each for name, each in document.items()})


def _again(now: datetime) -> Document:
    return {"$set": {"state": "queued", "attempts": 0, "due_at": now, "ended_at": None}}


def _document(endpoint_id: str, posted: Posted, now: datetime) -> Document:
    notice = posted.notice
    return {
        "_id": delivery_id_of(endpoint_id, notice.notice_id),
        "endpoint_id": endpoint_id,
        "notice_id": notice.notice_id,
        "member_id": notice.member_id,
        "kind": notice.kind,
        "position": posted.position,
        "state": "queued",
        "attempts": 0,
        "status": None,
        "reason": "",
        "created_at": now,
        "due_at": now,
        "ended_at": None,
    }
