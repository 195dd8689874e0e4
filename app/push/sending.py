"""Sending: deliveries to one device one after the other, to many devices at once.

What is in here lies in MongoDB as well, queued, so nothing is lost with it. It holds little, and whoever puts something
in waits for room first.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.batching import Batcher
from app.push.outcomes import MAX_HELD, Dead, Outcomes, plain
from app.push.pausing import Pauses
from app.push.providers.provider import (
    SEND_TIMEOUT_SECONDS,
    Accepted,
    CredentialsWrong,
    Gone,
    Later,
    Outcome,
    Provider,
    Push,
    Refused,
    TooLarge,
)
from app.push.retrying import is_given_up, pause_seconds
from app.push.rows import Row, change
from app.stores.connection import Document
from app.stores.devices import Addressee
from gamification.delivery.deliveries import State
from gamification.delivery.devices import Platform
from gamification.stores import StoreUnavailable

MAX_IN_FLIGHT = 256
"""How many deliveries are with each provider at a time."""
DRAIN_SECONDS = 1.0
"""How long is waited for what is with providers, where a partition is given to another worker or this one ends."""
DRAIN_POLL_SECONDS = 0.01
BLOCKED_KEPT_SECONDS = 60.0
FRESH_SECONDS = 0.1
"""How long it is taken for granted whose a device is; what is in hand longer is asked for right before it is sent."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A delivery that is ready to be sent.

    ``checked_at``, a time of the event loop, is when the device was its member's for certain.
    """

    row: Row
    push: Push = field(repr=False)
    to: Addressee
    checked_at: float


class Sender:
    """Sends what it is given, in that order for each device."""

    def __init__(
        self,
        providers: Mapping[Platform, Provider],
        outcomes: Outcomes,
        holders: Callable[[Sequence[str]], Awaitable[Mapping[str, str]]],
        holds: Callable[[int], bool],
        now: Callable[[], datetime],
    ) -> None:
        """``holders`` reads whose devices are, ``holds`` says whether a partition is this worker's."""
        self._providers, self._outcomes, self._holds, self._now = providers, outcomes, holds, now
        self._holders = Batcher(holders, MAX_IN_FLIGHT)
        self._queues: dict[str, deque[Parcel]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_flight = {platform: asyncio.Semaphore(MAX_IN_FLIGHT) for platform in providers}
        # So that a provider that is slow leaves room in hand for the others.
        self._share = MAX_HELD // max(1, len(providers))
        self._away: Counter[int] = Counter()
        self._closing: set[int] = set()
        self._pauses = Pauses()
        self._faults: set[str] = set()
        self._blocked: dict[str, tuple[datetime, float]] = {}

    @property
    def platforms(self) -> Sequence[Platform]:
        """The platforms that there is a provider for, which may be asked now and for which there is room in hand."""
        held = self._held()
        return [each for each in self._providers if not self._pauses.hold(each) and held[each] < self._share]

    def _held(self) -> Counter[Platform]:
        held: Counter[Platform] = Counter()
        for queue in self._queues.values():
            if queue:
                held[queue[0].row.platform] += len(queue)
        return held

    def put(self, parcels: Sequence[Parcel], *, read_at: float = 0.0) -> None:
        """Send these, which are in hand.

        ``read_at``, a time of the event loop, is when they were found in MongoDB, with all that is before them. What
        comes from elsewhere goes there where something before it did not get through, to be found in its turn.
        """
        held = self._held()
        for parcel in parcels:
            device_id = parcel.row.device_id
            until, blocked_at = self._blocked.get(device_id, (None, 0.0))
            if until is not None and blocked_at >= read_at:
                self._put_off(device_id, until, [parcel])
                continue
            if held[parcel.row.platform] >= self._share:
                self._blocked[device_id] = (self._now(), _seconds())
                self._outcomes.forget([parcel.row.delivery_id])
                continue
            held[parcel.row.platform] += 1
            self._blocked.pop(device_id, None)
            if device_id in self._queues:
                self._queues[device_id].append(parcel)
            else:
                self._queues[device_id] = deque([parcel])
                task = asyncio.create_task(self._run(device_id))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def drain(self, partitions: Collection[int]) -> None:
        """Send nothing more of these partitions, and wait a little for what is with providers."""
        self._closing.update(partitions)
        ends = _seconds() + DRAIN_SECONDS
        while any(self._away[partition] for partition in partitions) and _seconds() < ends:  # noqa: ASYNC110
            await asyncio.sleep(DRAIN_POLL_SECONDS)

    def opened(self, partitions: Collection[int]) -> None:
        """These are this worker's again, or for the first time."""
        self._closing.difference_update(partitions)

    def sweep(self) -> None:
        """Forget what was blocked some time ago: MongoDB knows when it is due."""
        long_ago = self._now() - timedelta(seconds=BLOCKED_KEPT_SECONDS)
        self._blocked = {device_id: (until, at) for device_id, (until, at) in self._blocked.items() if until > long_ago}

    async def close(self) -> None:
        """Break off what is with providers, and forget what is in hand."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, device_id: str) -> None:
        """Send to one device until there is nothing more, or something does not get through."""
        queue = self._queues[device_id]
        try:
            while queue:
                async with self._in_flight[queue[0].row.platform]:
                    parcel = queue[0]
                    if not (await self._is_theirs(parcel) and self._may_send(parcel)):
                        return
                    outcome = await self._send(parcel)
                queue.popleft()
                if not self._settle(parcel, outcome, queue):
                    return
        finally:
            # Those that are left here lie in MongoDB, where they are found when they may be sent.
            if queue:
                self._blocked[device_id] = (self._now(), _seconds())
            self._outcomes.forget(_ids(queue))
            del self._queues[device_id]

    async def _is_theirs(self, parcel: Parcel) -> bool:
        """Whether the device is still the one's whom this is for; no, where MongoDB does not say."""
        if _seconds() - parcel.checked_at <= FRESH_SECONDS:
            return True
        device_id = parcel.row.device_id
        try:
            return (await self._holders.ask([device_id])).get(device_id) == parcel.row.holder
        except StoreUnavailable:
            return False

    def _may_send(self, parcel: Parcel) -> bool:
        partition, platform = parcel.row.partition, parcel.row.platform
        return self._holds(partition) and partition not in self._closing and not self._pauses.hold(platform)

    async def _send(self, parcel: Parcel) -> Outcome | None:
        """What the provider says; None for what it need not be asked, as it is too late for it."""
        if parcel.push.expires_at is not None and parcel.push.expires_at <= self._now():
            return None
        self._away[parcel.row.partition] += 1
        try:
            async with asyncio.timeout(2 * SEND_TIMEOUT_SECONDS):
                return await self._providers[parcel.row.platform].send(parcel.push, parcel.to.device)
        except Exception as error:
            self._tell_fault(parcel.row.platform, error)
            return Later(None, "fault")
        finally:
            self._away[parcel.row.partition] -= 1

    def _tell_fault(self, platform: Platform, error: Exception) -> None:
        """Say once for each kind of fault what should not be, but not its text, which may hold a token."""
        kind = f"{platform}: {type(error).__name__}"
        if kind not in self._faults:
            self._faults.add(kind)
            log.error("the provider of %s devices failed with %s; its pushes are tried again", *kind.split(": "))

    def _settle(self, parcel: Parcel, outcome: Outcome | None, rest: deque[Parcel]) -> bool:
        """Note what became of it; False if nothing more is to be sent to this device now."""
        platform = parcel.row.platform
        match outcome:
            case None:
                self._end(parcel, "dropped", "expired")
            case Accepted():
                self._pauses.took(platform)
                self._outcomes.sent(parcel.row)
            case TooLarge():
                self._end(parcel, "failed", "too_large")
            case Refused(reason=reason):
                self._end(parcel, "failed", reason)
            case Gone():
                return self._gone(parcel, outcome, rest)
            case Later():
                return self._later(parcel, outcome, rest)
            case CredentialsWrong(reason=reason):
                self._pauses.refused(platform, reason)
                self._outcomes.forget([parcel.row.delivery_id])
                return False
        return True

    def _end(self, parcel: Parcel, state: State, reason: str = "", *, dead: bool = False) -> None:
        row, fields = parcel.row, self._ended(parcel, state, reason)
        if dead:
            fields["dead_at"] = fields["ended_at"]
        self._outcomes.add([change(row, fields)], [row.delivery_id])
        self._outcomes.count(state, row.platform, reason)

    def _ended(self, parcel: Parcel, state: State, reason: str) -> Document:
        attempts = parcel.row.attempts + (state != "dropped")
        return {
            "state": state,
            "reason": plain(reason),
            "due_at": None,
            "ended_at": self._now(),
            "attempts": attempts,
        }

    def _gone(self, parcel: Parcel, gone: Gone, rest: deque[Parcel]) -> bool:
        if not gone.buries(parcel.to.registered.registered_at):
            return self._later(parcel, Later(None, "registered_since"), rest)
        ended = change(parcel.row, self._ended(parcel, "failed", "token_gone"))
        self._outcomes.bury(Dead(parcel.to, ended, _ids([parcel, *rest])))
        rest.clear()
        return False

    def _later(self, parcel: Parcel, later: Later, rest: deque[Parcel]) -> bool:
        if later.of_provider:
            self._pauses.asked(parcel.row.platform, later.after_seconds)
        attempts = parcel.row.attempts + 1
        until = self._now() + timedelta(seconds=pause_seconds(attempts, later.after_seconds))
        if is_given_up(attempts, parcel.row.told_at, until):
            self._end(parcel, "failed", later.reason, dead=True)
            return True
        fields = {"due_at": until, "attempts": attempts, "reason": plain(later.reason)}
        self._outcomes.add([change(parcel.row, fields)])
        self._put_off(parcel.row.device_id, until, [parcel, *rest])
        rest.clear()
        return False

    def _put_off(self, device_id: str, until: datetime, parcels: Collection[Parcel]) -> None:
        """Let nothing be sent to a device before an instant, neither these parcels nor what lies in MongoDB."""
        self._blocked[device_id] = (until, _seconds())
        self._outcomes.put_off(device_id, until, _ids(parcels))


def _ids(parcels: Collection[Parcel]) -> list[str]:
    return [parcel.row.delivery_id for parcel in parcels]


def _seconds() -> float:
    return asyncio.get_running_loop().time()
