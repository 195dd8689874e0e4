"""Resuming: deliveries whose time has come, and those that a worker before this one had in hand."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

from app.push.audience import Audience, Person
from app.push.outcomes import Outcomes
from app.push.planning import UNPLANNED, ReadSchedule, tell_unplanned
from app.push.rows import Row, Rows, Write, change, change_all, drop, put_off
from app.push.sending import Parcel
from app.push.wording import Worder
from app.stores.devices import MongoDevices
from gamification.delivery.deciding import Decision, Defer, Drop, SendNow, decide
from gamification.delivery.planning import count_of, plan
from gamification.notices.notice import Notice

UNKNOWN_PAUSE = timedelta(seconds=1)
"""How long a device waits for what speaks the texts of a program that this process does not know yet."""

NoticesById = Callable[[Sequence[str]], Awaitable[Mapping[str, Notice]]]
"""The notices with these ids, where there are any."""


class Resumer:
    """Decides anew about what is due."""

    def __init__(
        self,
        *,
        rows: Rows,
        devices: MongoDevices,
        audience: Audience,
        outcomes: Outcomes,
        notices: NoticesById,
        worder: Worder,
        schedule: ReadSchedule,
        now: Callable[[], datetime],
    ) -> None:
        self._rows, self._devices, self._audience, self._outcomes = rows, devices, audience, outcomes
        self._notices, self._worder, self._schedule, self._now = notices, worder, schedule, now

    async def resume(self, due: Sequence[Row]) -> Sequence[Parcel]:
        """Decide about these; those that are to be sent now, in hand.

        What has waited is queued only, to be found again at once, so that whatever becomes of this worker it is sent
        as it was decided.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        waiting = [row for row in due if row.state == "waiting"]
        if waiting:
            await self._decide_waiting(waiting)
        # What comes after something that has waited is found again at once, in its turn.
        before = {row.device_id for row in waiting}
        queued = [row for row in due if row.state == "queued" and row.device_id not in before]
        return await self._load(queued) if queued else ()

    async def _decide_waiting(self, found: Sequence[Row]) -> None:
        """Decide about all that is due for the members of these, for it may be told as one."""
        async with self._outcomes.deciding:
            now, fences = self._now(), {row.partition: row.fence for row in found}
            members = {row.member_id for row in found}
            # A member's are all in one partition, so they are under the lease that was found.
            waiting = await self._rows.waiting_of(list(members), now)
            rows = [replace(row, fence=fences[row.partition]) for row in waiting]
            people, notices = await self._read(rows, now)
            sends: list[Write] = []
            others: list[Write] = []
            for member_id, theirs in groupby(sorted(rows, key=_member_and_position), _member):
                for is_sent, write in self._decided(list(theirs), people.get(member_id), notices, now):
                    (sends if is_sent else others).append(write)
            # What speaks for others is written before they are dropped, or all could be lost where this ends between.
            await self._rows.write(sends)
            await self._rows.write(others)

    def _decided(
        self, rows: Sequence[Row], person: Person | None, notices: Mapping[str, Notice], now: datetime
    ) -> list[tuple[bool, Write]]:
        """As `_decisions`; what cannot be decided about has failed, and does not stop the others."""
        try:
            return self._decisions(rows, person, notices, now)
        except Exception as error:
            tell_unplanned(rows[0].kind, error)
            failed = {"state": "failed", "reason": UNPLANNED, "due_at": None, "ended_at": now}
            return [(False, change(row, failed)) for row in rows]

    def _decisions(
        self, rows: Sequence[Row], person: Person | None, notices: Mapping[str, Notice], now: datetime
    ) -> list[tuple[bool, Write]]:
        """What to write about all that waits for one member, and whether each is to be sent."""
        known = list(dict.fromkeys(row.notice_id for row in rows if row.notice_id in notices))
        decided: dict[str, tuple[Notice, Decision]] = {}
        if person is not None:
            verdicts = plan([notices[notice_id] for notice_id in known], person.wishes, list(person.told.values()), now)
            decided = {notice.notice_id: (notice, decision) for notice, decision in verdicts}
        return [
            (_is_sent(decided.get(row.notice_id)), self._decision(row, decided.get(row.notice_id), now)) for row in rows
        ]

    def _decision(self, row: Row, decided: tuple[Notice, Decision] | None, now: datetime) -> Write:
        match decided:
            case None:
                return self._drop(row, "unwanted", now)
            case notice, SendNow():
                # Due as it was, and so before all that has come for the device meanwhile.
                fields = {"state": "queued", "told_at": now, "count": count_of(notice), "reason": ""}
                return change(row, fields)
            case _, Defer(until=until, waits_for=waits_for):
                return change(row, {"due_at": until, "reason": waits_for})
            case _, Drop(reason=reason):
                return self._drop(row, reason, now)

    async def _load(self, rows: Sequence[Row]) -> Sequence[Parcel]:
        """Those of these that may be sent now, in their order."""
        now, schedule = self._now(), await self._schedule()
        checked_at = asyncio.get_running_loop().time()
        (people, notices), devices = await asyncio.gather(
            self._read(rows, now), self._devices.by_ids(list({row.device_id for row in rows}))
        )
        writes: list[Write] = []
        parcels: list[Parcel] = []
        held: set[str] = set()
        for row in rows:
            to, person, notice = devices.get(row.device_id), people.get(row.member_id), notices.get(row.notice_id)
            if to is None or to.registered.member_id != row.holder:
                writes.append(self._drop(row, "device_gone" if to is None else "device_moved", now))
            elif person is None or notice is None:
                writes.append(self._drop(row, "unwanted", now))
            elif not person.has(row.device_id):  # It was of an account that was taken apart from theirs since.
                writes.append(self._drop(row, "device_moved", now))
            elif row.device_id in held or not self._worder.knows(notice, schedule):
                if row.device_id not in held:
                    held.add(row.device_id)
                    writes.append(put_off(row.device_id, now + UNKNOWN_PAUSE))
            elif (write := self._against(row, notice, person, now)) is not None:
                writes.append(write)
            elif (push := self._worder.push_of(row, notice, to, person.language, schedule)) is not None:
                parcels.append(Parcel(row, push, to, checked_at))
            else:
                writes.append(change(row, {"state": "failed", "reason": "unworded", "due_at": None, "ended_at": now}))
        self._outcomes.known.update(parcel.row.delivery_id for parcel in parcels)
        # Taken up under this lease, so that who had them before changes nothing of them any more.
        writes += change_all([parcel.row for parcel in parcels], {})
        await self._rows.write(writes)
        return parcels

    def _against(self, row: Row, notice: Notice, person: Person, now: datetime) -> Write | None:
        """What to write about one that is queued, where it is not to be sent now after all."""
        told = [was for notice_id, was in person.told.items() if notice_id != row.notice_id]
        match decide(notice, person.wishes, told, now):
            case SendNow():
                return None
            case Defer(until=until, waits_for=waits_for):
                return change(row, {"state": "waiting", "due_at": until, "reason": waits_for})
            case Drop(reason=reason):
                return self._drop(row, reason, now)

    def _drop(self, row: Row, reason: str, now: datetime) -> Write:
        self._outcomes.count("dropped", row.platform, reason)
        return drop(row, reason, now)

    async def _read(self, rows: Sequence[Row], now: datetime) -> tuple[Mapping[str, Person], Mapping[str, Notice]]:
        schedule = await self._schedule()
        people, notices = await asyncio.gather(
            self._audience.read({row.member_id for row in rows}, schedule.at(now).program, now),
            self._notices(list({row.notice_id for row in rows})),
        )
        return people, notices


def _is_sent(decided: tuple[Notice, Decision] | None) -> bool:
    return decided is not None and isinstance(decided[1], SendNow)


def _member(row: Row) -> str:
    return row.member_id


def _member_and_position(row: Row) -> tuple[str, int]:
    return row.member_id, row.position
