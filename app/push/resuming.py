"""Resuming: deliveries whose time has come, and those that a worker before this one had in hand."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from app.push.audience import Audience, Person
from app.push.outcomes import Outcomes
from app.push.planning import UNPLANNED, ReadSchedule, tell_unplanned
from app.push.rows import Row, Rows, Write, change, change_all, drop
from app.push.sending import Parcel
from app.push.wording import Worder
from app.stores.devices import MongoDevices
from gamification.delivery.deciding import Decision, Defer, Drop, SendNow, decide
from gamification.delivery.planning import count_of, plan
from gamification.notices.notice import Notice

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
        queued = [row for row in due if row.state == "queued"]
        return await self._load(queued) if queued else ()

    async def _decide_waiting(self, found: Sequence[Row]) -> None:
        """Decide about all that is due for the members of these, for it may be told as one."""
        now, fences = self._now(), {row.partition: row.fence for row in found}
        members = {row.member_id for row in found}
        # A member's are all in one partition, so they are under the lease that was found.
        rows = [replace(row, fence=fences[row.partition]) for row in await self._rows.waiting_of(list(members), now)]
        people, notices = await self._read(rows, now)
        writes: list[Write] = []
        for member_id, theirs in groupby(sorted(rows, key=_member_and_position), _member):
            of_member = list(theirs)
            try:
                writes += self._decisions(of_member, people.get(member_id), notices, now)
            except Exception as error:  # What cannot be decided about is not to stop the others.
                tell_unplanned(of_member[0].kind, error)
                failed = {"state": "failed", "reason": UNPLANNED, "due_at": None, "ended_at": now}
                writes += [change(row, failed) for row in of_member]
        await self._rows.write(writes)

    def _decisions(
        self, rows: Sequence[Row], person: Person | None, notices: Mapping[str, Notice], now: datetime
    ) -> list[Write]:
        """What to write about all that waits for one member."""
        known = list(dict.fromkeys(row.notice_id for row in rows if row.notice_id in notices))
        decided: dict[str, tuple[Notice, Decision]] = {}
        if person is not None:
            verdicts = plan([notices[notice_id] for notice_id in known], person.wishes, list(person.told.values()), now)
            decided = {notice.notice_id: (notice, decision) for notice, decision in verdicts}
        return [self._decision(row, decided.get(row.notice_id), now) for row in rows]

    def _decision(self, row: Row, decided: tuple[Notice, Decision] | None, now: datetime) -> Write:
        match decided:
            case None:
                return self._drop(row, "unwanted", now)
            case notice, SendNow():
                fields = {"state": "queued", "due_at": now, "told_at": now, "count": count_of(notice), "reason": ""}
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
        for row in rows:
            to, person, notice = devices.get(row.device_id), people.get(row.member_id), notices.get(row.notice_id)
            if to is None or to.registered.member_id != row.holder:
                writes.append(self._drop(row, "device_gone" if to is None else "device_moved", now))
            elif person is None or notice is None:
                writes.append(self._drop(row, "unwanted", now))
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


def _member(row: Row) -> str:
    return row.member_id


def _member_and_position(row: Row) -> tuple[str, int]:
    return row.member_id, row.position
