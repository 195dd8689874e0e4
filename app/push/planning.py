"""Planning: from notices to deliveries, one for each device, which are written down before anything is sent."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.push.audience import Audience, Person
from app.push.outcomes import Outcomes
from app.push.rows import Row, Rows, new_document
from app.push.sending import Parcel
from app.push.wording import Worder
from app.stores.devices import Addressee, MongoDevices
from gamification.delivery.deciding import Decision, Defer, Drop, SendNow
from gamification.delivery.devices import Platform
from gamification.delivery.planning import count_of, plan
from gamification.notices.notice import Notice, NoticeKind
from gamification.schedule import Schedule
from gamification.stores import StoreUnavailable

UNPLANNED = "unplanned"
"""Why a delivery failed of a notice that could not be decided about."""

log = logging.getLogger(__name__)

ReadSchedule = Callable[[], Awaitable[Schedule]]
HeedEnds = Callable[[Sequence[Notice]], Awaitable[Sequence[Notice]]]
"""Lets notices of campaigns that have ended since expire with these."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A notice as it came out of its stream, under the lease with the number ``fence``."""

    notice: Notice
    position: int
    partition: int
    fence: int


@dataclass(frozen=True, slots=True)
class _Decided:
    """A notice that has come, what is to be done about it, and who it is for."""

    arrived: Arrived
    decision: Decision
    person: Person


class Planner:
    """Decides about notices that have just come, and writes down what was decided."""

    def __init__(
        self,
        *,
        rows: Rows,
        audience: Audience,
        devices: MongoDevices,
        outcomes: Outcomes,
        worder: Worder,
        heed_ends: HeedEnds,
        schedule: ReadSchedule,
        platforms: Sequence[Platform],
        now: Callable[[], datetime],
    ) -> None:
        self._rows, self._audience, self._devices, self._outcomes, self._worder = (
            rows,
            audience,
            devices,
            outcomes,
            worder,
        )
        self._heed_ends = heed_ends
        self._schedule, self._platforms, self._now = schedule, frozenset(platforms), now

    async def plan(self, arrived: Sequence[Arrived]) -> Sequence[Parcel]:
        """Write the deliveries of these notices; those that can be sent at once, which are in hand then.

        What comes again is left as it was written the first time. What cannot be decided about has failed, and stops
        nobody else.

        Raises:
            StoreUnavailable: the store did not answer in time. Some may be written; do it all again.
        """
        try:
            async with self._outcomes.deciding:
                return await self._plan(arrived)
        except StoreUnavailable:
            raise
        except Exception as error:
            members = {each.notice.member_id for each in arrived}
            if len(members) > 1:
                groups = [[each for each in arrived if each.notice.member_id == member_id] for member_id in members]
            elif len(arrived) > 1:
                groups = [[each] for each in arrived]
            else:
                tell_unplanned(arrived[0].notice.kind, error)
                await self._fail(arrived[0])
                return ()
        return [parcel for group in groups for parcel in await self.plan(group)]

    async def _fail(self, each: Arrived) -> None:
        """Write down that a notice could not be decided about."""
        now = self._now()
        rows = [
            replace(_row(each, to, now), state="failed", reason=UNPLANNED)
            for to in await self._devices.of_members([each.notice.member_id])
        ]
        await self._write(rows, (), now)

    async def _plan(self, arrived: Sequence[Arrived]) -> Sequence[Parcel]:
        """All of these at once."""
        now, schedule = self._now(), await self._schedule()
        once = list({each.notice.notice_id: each for each in arrived}.values())
        notices = await self._heed_ends([each.notice for each in once])
        once = [replace(each, notice=notice) for each, notice in zip(once, notices, strict=True)]
        members = {each.notice.member_id for each in once}
        people = await self._audience.read(members, schedule.at(now).program, now)
        decided = list(_decided(once, people, now))
        # Nothing is put off meanwhile, so what is new for a device is due after all that is queued for it.
        async with self._outcomes.writing:
            return await self._queue(decided, await self._behind(decided, now), schedule, now)

    async def _queue(
        self, decided: Sequence[_Decided], behind: Mapping[str, datetime], schedule: Schedule, now: datetime
    ) -> Sequence[Parcel]:
        """Make deliveries of what is decided, and write them; those that can be sent at once."""
        rows: list[Row] = []
        parcels: list[Parcel] = []
        late = dict(behind)
        for each in decided:
            for to in each.person.devices:
                row = self._row(each, to, now)
                if row.state == "queued" and row.device_id in late:
                    row = replace(row, due_at=late[row.device_id])
                elif row.state == "queued" and not self._worder.knows(each.arrived.notice, schedule):
                    late[row.device_id] = now
                elif row.state == "queued" and row.platform in self._platforms:
                    push = self._worder.push_of(row, each.arrived.notice, to, each.person.language, schedule)
                    if push is None:
                        row = replace(row, state="failed", reason="unworded")
                    else:
                        parcels.append(Parcel(row, push, to, 0.0))
                rows.append(row)
        return await self._write(rows, parcels, now)

    async def _write(self, rows: Sequence[Row], parcels: Sequence[Parcel], now: datetime) -> Sequence[Parcel]:
        """Write all of these; those parcels that were not there yet."""
        # In hand before they are written, or they could be found in MongoDB and be sent from there as well.
        taken = {parcel.row.delivery_id for parcel in parcels} - self._outcomes.known
        self._outcomes.known.update(taken)
        try:
            there = await self._rows.insert([new_document(row, now) for row in rows])
        except Exception:
            self._outcomes.forget(taken)
            raise
        for row in rows:
            if row.state in ("dropped", "failed") and row.delivery_id not in there:
                self._outcomes.count(row.state, row.platform, row.reason)
        self._outcomes.forget(taken & there)
        return await self._checked([parcel for parcel in parcels if parcel.row.delivery_id in taken - there])

    async def _checked(self, parcels: Sequence[Parcel]) -> Sequence[Parcel]:
        """Those whose devices are their members' still; the others are let out of hand, to be found and dropped.

        A device that was somebody else's before they were written had nothing to be dropped for it at that time.
        """
        checked_at = asyncio.get_running_loop().time()
        holders = await self._devices.holders({parcel.row.device_id for parcel in parcels})
        theirs = [parcel for parcel in parcels if holders.get(parcel.row.device_id) == parcel.row.holder]
        self._outcomes.forget(
            {parcel.row.delivery_id for parcel in parcels} - {parcel.row.delivery_id for parcel in theirs}
        )
        return [replace(parcel, checked_at=checked_at) for parcel in theirs]

    async def _behind(self, decided: Sequence[_Decided], now: datetime) -> Mapping[str, datetime]:
        """The devices for which something is due that is not in hand, each with when something new is due there."""
        known = set(self._outcomes.known)  # As it is before the read: what ends meanwhile may still be found.
        device_ids = {
            to.registered.device_id
            for each in decided
            if isinstance(each.decision, SendNow)
            for to in each.person.devices
        }
        behind: dict[str, datetime] = {}
        if device_ids:
            for delivery_id, device_id, due_at in await self._rows.open_for(list(device_ids), now):
                if delivery_id not in known:
                    behind[device_id] = max(due_at, behind.get(device_id, now))
        return behind

    def _row(self, each: _Decided, to: Addressee, now: datetime) -> Row:
        row = _row(each.arrived, to, now)
        match each.decision:
            case SendNow():
                return replace(row, state="queued", told_at=now)
            case Defer(until=until, waits_for=waits_for):
                return replace(row, state="waiting", due_at=until, reason=waits_for)
            case Drop(reason=reason):
                return replace(row, reason=reason)


def tell_unplanned(kind: NoticeKind, error: Exception) -> None:
    """Say that a notice could not be decided about, but not why in words, which may hold what it says."""
    log.error("a notice of kind %s could not be decided about: %s", kind, type(error).__name__)


def _row(arrived: Arrived, to: Addressee, now: datetime) -> Row:
    """The delivery of a notice to a device, which is to be dropped unless something else is said of it."""
    notice, registered = arrived.notice, to.registered
    return Row(
        delivery_id=f"{notice.notice_id}:{registered.device_id}",
        notice_id=notice.notice_id,
        device_id=registered.device_id,
        member_id=notice.member_id,
        holder=registered.member_id,
        kind=notice.kind,
        platform=registered.platform,
        partition=arrived.partition,
        position=arrived.position,
        fence=arrived.fence,
        state="dropped",
        due_at=now,
        count=count_of(notice),
    )


def _decided(arrived: Sequence[Arrived], people: Mapping[str, Person], now: datetime) -> Iterator[_Decided]:
    """What is to be done about each of these, in their order; those for nobody any more are left out."""
    by_member: dict[str, list[Arrived]] = {}
    for each in arrived:
        by_member.setdefault(each.notice.member_id, []).append(each)
    decided: dict[str, _Decided] = {}
    for member_id, theirs in by_member.items():
        if (person := people.get(member_id)) is None:
            continue
        ids = {each.notice.notice_id for each in theirs}
        told = [was for notice_id, was in person.told.items() if notice_id not in ids]
        verdicts = plan([each.notice for each in theirs], person.wishes, told, now)
        for each, (notice, decision) in zip(theirs, verdicts, strict=True):
            decided[notice.notice_id] = _Decided(replace(each, notice=notice), decision, person)
    return (decided[each.notice.notice_id] for each in arrived if each.notice.notice_id in decided)
