"""Endpoints of webhooks, collection ``webhook_endpoints``. Implements `gamification.webhooks.stores.Endpoints`.

Each has a ``slot``, a small number of its own, by which workers share endpoints out; that the numbers are unique is
also what bounds how many there are. Secrets lie here as they are, since signing takes them.
"""

import secrets as random_bytes
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from pymongo import ASCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from app.stores.connection import Connection, Document
from gamification.notices.notice import NoticeKind
from gamification.webhooks.endpoints import (
    MAX_ENDPOINTS,
    Disabling,
    Endpoint,
    EndpointChange,
    Secrets,
    TooManyEndpoints,
    UnsuitableUrl,
)

COLLECTION = "webhook_endpoints"
SECRET_BYTES = 32

UrlProblem = Callable[[str], str | None]
"""What is wrong with an address, in words for whoever gave it; None for nothing."""
_STATE = {"disabled": None, "disabled_at": None, "paused_until": None, "failing_since": None}


class MongoEndpoints:
    """Every method raises ``StoreUnavailable`` where the store did not answer in time."""

    def __init__(self, connection: Connection, url_problem: UrlProblem) -> None:
        self._connection, self._url_problem = connection, url_problem
        self._collection = connection[COLLECTION]

    async def create(
        self, name: str, url: str, kinds: Sequence[NoticeKind], position: int, now: datetime
    ) -> Endpoint | TooManyEndpoints | UnsuitableUrl:
        """An endpoint that gets what comes after a place of the feed."""
        problem = self._url_problem(url)
        if problem is not None:
            return UnsuitableUrl(problem)
        with self._connection.answering():
            for _ in range(MAX_ENDPOINTS):  # Others may take the slot that was free.
                slots = [each["slot"] for each in await self._collection.find({}, {"slot": 1}).to_list(MAX_ENDPOINTS)]
                free = next((slot for slot in range(MAX_ENDPOINTS) if slot not in slots), None)
                if free is None:
                    break
                document: Document = {
                    "_id": uuid4().hex,
                    "slot": free,
                    "name": name,
                    "url": url,
                    "secrets": {"current": new_secret(), "previous": None, "previous_until": None},
                    "kinds": list(kinds),
                    "position": position,
                    "created_at": now,
                    **_STATE,
                }
                try:
                    await self._collection.insert_one(document)
                except DuplicateKeyError:
                    continue
                return read_endpoint(document)
        return TooManyEndpoints()

    async def get(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint of this id."""
        with self._connection.answering():
            document = await self._collection.find_one({"_id": endpoint_id})
        return read_endpoint(document) if document else None

    async def all(self) -> Sequence[Endpoint]:
        """All endpoints, in the order in which they were made."""
        with self._connection.answering():
            found = self._collection.find({}).sort([("created_at", ASCENDING), ("_id", ASCENDING)])
            return [read_endpoint(document) for document in await found.to_list(MAX_ENDPOINTS)]

    async def change(self, endpoint_id: str, change: EndpointChange, now: datetime) -> Endpoint | UnsuitableUrl | None:
        """Change what is named; None where there is no such endpoint. One that is enabled begins without a past."""
        problem = self._url_problem(change.url) if change.url is not None else None
        if problem is not None:
            return UnsuitableUrl(problem)
        named: Document = {
            name: each
            for name, each in (("name", change.name), ("url", change.url), ("kinds", change.kinds))
            if each is not None
        }
        if change.enabled:
            named |= _STATE
        elif change.enabled is False:
            named |= {"disabled": "by_staff", "disabled_at": now}
        return await self._update(endpoint_id, named) if named else await self.get(endpoint_id)

    async def rotate(self, endpoint_id: str, overlap: timedelta, now: datetime) -> Endpoint | None:
        """Give it a new secret; the one it had counts beside that for a while. None where there is no such endpoint."""
        endpoint = await self.get(endpoint_id)
        if endpoint is None:
            return None
        rotated = {"current": new_secret(), "previous": endpoint.secrets.current, "previous_until": now + overlap}
        return await self._update(endpoint_id, {"secrets": rotated})

    async def remove(self, endpoint_id: str) -> bool:
        """Forget an endpoint; False where there is none. Its deliveries are forgotten in time."""
        with self._connection.answering():
            return bool((await self._collection.delete_one({"_id": endpoint_id})).deleted_count)

    async def took(self, endpoint: Endpoint) -> None:
        """Note that it works."""
        if endpoint.failing_since is not None or endpoint.paused_until is not None:
            await self._update(endpoint.endpoint_id, {"failing_since": None, "paused_until": None})

    async def failed(self, endpoint: Endpoint, now: datetime, paused_until: datetime | None) -> datetime:
        """Note that it does not work, and until when it is to be left alone; since when it has not."""
        with self._connection.answering():
            first = {"_id": endpoint.endpoint_id, "failing_since": None}
            await self._collection.update_one(first, {"$set": {"failing_since": now}})
            if paused_until is not None:
                later = {"$max": {"paused_until": paused_until}}
                await self._collection.update_one({"_id": endpoint.endpoint_id}, later)
        known = await self.get(endpoint.endpoint_id)
        return known.failing_since or now if known else now

    async def disable(self, endpoint: Endpoint, why: Disabling, now: datetime) -> bool:
        """Send it nothing any more, unless that is so already or its address was changed; whether this did it."""
        same = {"_id": endpoint.endpoint_id, "disabled": None, "url": endpoint.url}
        with self._connection.answering():
            result = await self._collection.update_one(same, {"$set": {"disabled": why, "disabled_at": now}})
        return bool(result.modified_count)

    async def _update(self, endpoint_id: str, named: Document) -> Endpoint | None:
        with self._connection.answering():
            document = await self._collection.find_one_and_update(
                {"_id": endpoint_id}, {"$set": named}, return_document=ReturnDocument.AFTER
            )
        return read_endpoint(document) if document else None


def new_secret() -> str:
    """A secret as the specification writes it."""
    return "whsec_" + b64encode(random_bytes.token_bytes(SECRET_BYTES)).decode()


def read_endpoint(document: Document) -> Endpoint:
    """The endpoint that a document holds."""
    names = ("slot", "name", "url", "position", "created_at", *_STATE)
    return Endpoint(
        endpoint_id=document["_id"],
        kinds=tuple(document["kinds"]),
        secrets=Secrets(**document["secrets"]),
        **{name: document[name] for name in names},
    )
