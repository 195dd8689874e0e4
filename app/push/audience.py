"""Whom notices are for: where these members are, how they want to be told, what they were told, and their devices."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.push.rows import Rows
from app.stores.connection import Connection, Document
from app.stores.devices import Addressee, MongoDevices
from app.stores.preferences import MongoPreferences, whole
from gamification.delivery.deciding import Told
from gamification.delivery.devices import told_zone
from gamification.delivery.planning import MEMORY_HOURS
from gamification.delivery.preferences import Preferences, Wishes
from gamification.program import Program

_PROJECTION = {"profile.language": 1, "profile.time_zone": 1, "state.absorbed": 1}


@dataclass(frozen=True, slots=True)
class Person:
    """A member to be told of something. ``told`` has what they were told of late, by the notices' ids."""

    language: str | None
    wishes: Wishes
    devices: Sequence[Addressee]
    told: Mapping[str, Told]

    def has(self, device_id: str) -> bool:
        """Whether a device is theirs."""
        return any(each.registered.device_id == device_id for each in self.devices)


class Audience:
    """Reads members, all of a batch at once."""

    def __init__(
        self, connection: Connection, devices: MongoDevices, preferences: MongoPreferences, rows: Rows
    ) -> None:
        self._connection = connection
        self._members = connection["members"]
        self._devices, self._preferences, self._rows = devices, preferences, rows

    async def read(self, member_ids: Collection[str], program: Program, now: datetime) -> Mapping[str, Person]:
        """These members, without those that there are no more.

        Devices that were registered by an account that was merged into theirs are theirs, too, and so is what was
        chosen in it where they chose nothing.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        ids = list(member_ids)
        documents, told = await asyncio.gather(
            self._read_members(ids), self._rows.told(ids, now - timedelta(hours=MEMORY_HOURS))
        )
        accounts: dict[str, list[str]] = defaultdict(list)
        for member_id, document in documents.items():
            for account in {member_id, *_absorbed(document)}:
                accounts[account].append(member_id)
        addressees, preferences = await asyncio.gather(
            self._devices.of_members(list(accounts)), self._preferences.of_accounts(list(accounts))
        )
        devices: dict[str, list[Addressee]] = defaultdict(list)
        for addressee in addressees:
            for member_id in accounts[addressee.registered.member_id]:
                devices[member_id].append(addressee)
        return {
            member_id: _person(
                document,
                program,
                whole(preferences, member_id, _absorbed(document)),
                devices.get(member_id, ()),
                told.get(member_id, {}),
            )
            for member_id, document in documents.items()
        }

    async def _read_members(self, member_ids: list[str]) -> Mapping[str, Document]:
        with self._connection.answering():
            found = self._members.find({"_id": {"$in": member_ids}}, _PROJECTION)
            return {document["_id"]: document for document in await found.to_list(len(member_ids))}


def _absorbed(document: Document) -> Sequence[str]:
    """The accounts that were merged into a member's."""
    absorbed: Sequence[str] = document.get("state", {}).get("absorbed", ())
    return absorbed


def _person(
    document: Document,
    program: Program,
    preferences: Preferences,
    devices: Sequence[Addressee],
    told: Mapping[str, Told],
) -> Person:
    profile = document.get("profile", {})
    zone = told_zone([each.registered for each in devices]) or profile.get("time_zone") or ""
    return Person(profile.get("language"), Wishes(preferences, program.zone_of(zone), program.delivery), devices, told)
