"""The devices of members, collection ``devices``: one document for each token, so that it is one member's at a time.

``_id`` is a hash of platform and token. A device that somebody else registers becomes theirs by one write. What is
still on its way to it for whoever had it is dropped then, and would be where it is looked at next in any case, for a
delivery names the member whose device it was (``holder``).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from app.push.providers.provider import Device, WebPushKeys
from app.stores.connection import Connection, Document
from app.stores.deliveries import MongoDeliveries
from gamification.activity import Problem
from gamification.delivery.devices import MAX_DEVICES, RegisteredDevice, Registration
from gamification.stores import StoreUnavailable

ID_CHARS = 32
REGISTER_ATTEMPTS = 3
"""How often it is tried while others register the same token for the first time."""

Check = Callable[[Device], Problem | None]
"""What is wrong with a registration in the eyes of its provider."""

_TOLD = {"token": 0, "keys": 0}
"""What is read for everybody but a worker."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """A device of a member with what its provider needs."""

    registered: RegisteredDevice
    device: Device


class MongoDevices:
    """Implements `gamification.delivery.stores.Devices`."""

    def __init__(
        self, connection: Connection, deliveries: MongoDeliveries, check: Check = lambda _device: None
    ) -> None:
        self._connection, self._deliveries, self._check = connection, deliveries, check
        self._collection = connection["devices"]

    async def register(
        self, member_id: str, registration: Registration, now: datetime
    ) -> RegisteredDevice | tuple[Problem, ...]:
        """Let a device be this member's from now on.

        Raises:
            StoreUnavailable: the store did not answer in time. It may be theirs.
        """
        if problems := tuple(registration.problems()):
            return problems
        if problem := self._check(_device(registration, now)):
            return (problem,)
        document = _document(member_id, registration, now)
        before = await self._put(document)
        if before is not None and before["member_id"] != member_id:
            await self._deliveries.drop([document["_id"]], "device_moved", now, but_of=member_id)
        await self._forget_oldest(member_id, now)
        if before is None or before["member_id"] != member_id or before["time_zone"] != registration.time_zone:
            await self._deliveries.reconsider(member_id, now)
        return read_registered(document)

    async def remove(self, member_id: str, device_id: str, now: datetime) -> bool:
        """Forget a device of a member.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            result = await self._collection.delete_one({"_id": device_id, "member_id": member_id})
        if result.deleted_count:
            await self._deliveries.drop([device_id], "device_removed", now)
        return bool(result.deleted_count)

    async def of_member(self, member_id: str) -> Sequence[RegisteredDevice]:
        """A member's devices, the one that was registered last first.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            found = self._collection.find({"member_id": member_id}, _TOLD).sort("registered_at", DESCENDING)
            return [read_registered(document) for document in await found.to_list(MAX_DEVICES)]

    async def of_members(self, member_ids: Sequence[str]) -> Sequence[Addressee]:
        """The devices of all these members, with their tokens.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        return await self._addressees({"member_id": {"$in": list(member_ids)}})

    async def by_ids(self, device_ids: Sequence[str]) -> Mapping[str, Addressee]:
        """Those of these devices that there are, with their tokens.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        found = await self._addressees({"_id": {"$in": list(device_ids)}})
        return {each.registered.device_id: each for each in found}

    async def holders(self, device_ids: Collection[str]) -> Mapping[str, str]:
        """Whose those of these devices are that there are.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        if not device_ids:
            return {}
        with self._connection.answering():
            found = self._collection.find({"_id": {"$in": list(device_ids)}}, {"member_id": 1})
            return {document["_id"]: document["member_id"] async for document in found}

    async def bury(self, dead: Addressee) -> bool:
        """Forget a device whose token is dead; False, and no change, where it was registered again since.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        same = {"_id": dead.registered.device_id, "registered_at": dead.registered.registered_at}
        with self._connection.answering():
            return bool((await self._collection.delete_one(same)).deleted_count)

    async def _addressees(self, query: Document) -> Sequence[Addressee]:
        with self._connection.answering():
            return [read_addressee(document) async for document in self._collection.find(query)]

    async def _put(self, document: Document) -> Document | None:
        """Keep the document in place of what was there, which is returned."""
        for _ in range(REGISTER_ATTEMPTS):
            with self._connection.answering():
                try:
                    before: Document | None = await self._collection.find_one_and_replace(
                        {"_id": document["_id"]}, document, upsert=True, return_document=ReturnDocument.BEFORE
                    )
                except DuplicateKeyError:
                    continue  # Somebody else has just registered it for the first time.
                return before
        raise StoreUnavailable("others registered the same device all the while")

    async def _forget_oldest(self, member_id: str, now: datetime) -> None:
        with self._connection.answering():
            found = self._collection.find({"member_id": member_id}, {"_id": 1}).sort("registered_at", DESCENDING)
            oldest = [document["_id"] async for document in found.skip(MAX_DEVICES)]
        for device_id in oldest:
            await self.remove(member_id, device_id, now)


def read_registered(document: Document) -> RegisteredDevice:
    """The device that a document holds, without its token."""
    names = ("member_id", "platform", "registered_at", "language", "time_zone")
    return RegisteredDevice(document["_id"], **{name: document[name] for name in names})


def read_addressee(document: Document) -> Addressee:
    """The device that a document holds, with its token."""
    keys = document["keys"]
    return Addressee(
        read_registered(document),
        Device(
            document["platform"],
            document["token"],
            document["registered_at"],
            WebPushKeys(keys["p256dh"], keys["auth"]) if keys else None,
        ),
    )


def _document(member_id: str, given: Registration, now: datetime) -> Document:
    token = _token(given)
    named = sha256(f"{given.platform}\0{token}".encode()).hexdigest()[:ID_CHARS]
    return {
        "_id": named,
        "member_id": member_id,
        "platform": given.platform,
        "token": token,
        "keys": {"p256dh": given.p256dh, "auth": given.auth} if given.platform == "web" else None,
        "language": given.language,
        "time_zone": given.time_zone,
        "registered_at": now,
    }


def _device(given: Registration, now: datetime) -> Device:
    keys = WebPushKeys(given.p256dh or "", given.auth or "") if given.platform == "web" else None
    return Device(given.platform, _token(given), now, keys)


def _token(given: Registration) -> str:
    """The token as it is kept: hexadecimal digits in either case name the same iPhone."""
    return given.token.lower() if given.platform == "apns" else given.token
